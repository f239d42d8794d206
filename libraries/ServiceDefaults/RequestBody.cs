using System.Buffers;
using Accounts.Contracts;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace ServiceDefaults;

/// <summary>Reads the bodies of clients' requests.</summary>
public static class RequestBody
{
    /// <summary>Most bytes that a client may send.</summary>
    public const int Limit = 64 * 1024;

    /// <summary>
    /// The body's bytes, or the problem with it: over <see cref="Limit"/> (413), or not empty and not plain JSON in UTF-8 (415).
    /// </summary>
    public static async Task<(ReadOnlyMemory<byte> Body, Problem? Problem)> ReadAsync(HttpRequest request, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(request);
        var body = request.BodyReader;
        while (true)
        {
            var read = await body.ReadAsync(cancellation);
            if (read.Buffer.Length > Limit)
            {
                body.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                return (default, Problems.ByStatus(StatusCodes.Status413PayloadTooLarge) with { Detail = $"At most {Limit} bytes are taken." });
            }

            if (read.IsCompleted)
            {
                var bytes = read.Buffer.ToArray();
                body.AdvanceTo(read.Buffer.End);
                return bytes.Length == 0 || (IsJson(request.ContentType) && request.Headers.ContentEncoding.Count == 0)
                    ? (bytes, null)
                    : (default, Problems.ByStatus(StatusCodes.Status415UnsupportedMediaType));
            }

            body.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    private static bool IsJson(string? contentType) =>
        contentType == MediaTypes.Json
        || (MediaTypeHeaderValue.TryParse(contentType, out var type)
            && type.MediaType.Equals(MediaTypes.Json, StringComparison.OrdinalIgnoreCase)
            && (!type.Charset.HasValue || type.Charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase) || type.Charset.Equals("\"utf-8\"", StringComparison.OrdinalIgnoreCase)));
}
