using System.Buffers;
using System.Net;
using System.Text;
using Grpc.Core;
using Microsoft.AspNetCore.Http.Features;

namespace Sidecar.Server;

/// <summary>What the HTTP APIs read from requests and write as answers, in Dapr's ways.</summary>
internal static class Requests
{
    /// <summary>Of a body that is too large so many times the limit is read and thrown away; then the connection ends.</summary>
    private const int DrainedLimits = 16;

    /// <summary>A part of the path. Paths are matched as they were sent, so <c>%2F</c> in a key is a slash of the key.</summary>
    public static string Param(this HttpContext http, string name) =>
        WebUtility.UrlDecode(http.Request.RouteValues[name] as string ?? "");

    /// <summary>Metadata given as <c>?metadata.name=value</c>.</summary>
    public static Dictionary<string, string> MetadataFromQuery(this HttpContext http)
    {
        var metadata = new Dictionary<string, string>();
        foreach (var (name, values) in http.Request.Query)
        {
            if (name.StartsWith("metadata.", StringComparison.Ordinal))
            {
                metadata[name["metadata.".Length..]] = values[0] ?? "";
            }
        }

        return metadata;
    }

    /// <summary>The whole body.</summary>
    /// <exception cref="DaprFault">The body is larger than the sidecar takes.</exception>
    public static async Task<byte[]> BodyAsync(this HttpContext http)
    {
        // The server's own limit would close the connection while the caller still writes, who then never sees the answer.
        var limits = http.Features.Get<IHttpMaxRequestBodySizeFeature>();
        var limit = limits?.MaxRequestBodySize ?? int.MaxValue;
        if (limits is { IsReadOnly: false })
        {
            limits.MaxRequestBodySize = null;
        }

        using var body = new MemoryStream((int)Math.Min(http.Request.ContentLength ?? 0, limit));
        var chunk = ArrayPool<byte>.Shared.Rent(16384);
        try
        {
            for (long total = 0; ;)
            {
                var read = await http.Request.Body.ReadAsync(chunk, http.RequestAborted);
                total += read;
                if (read == 0 && total <= limit)
                {
                    return body.ToArray();
                }

                if (read == 0 || total > limit * DrainedLimits)
                {
                    throw StreamTooLarge.Fault();
                }

                if (total <= limit)
                {
                    body.Write(chunk, 0, read);
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
            if (limits is { IsReadOnly: false })
            {
                limits.MaxRequestBodySize = limit;
            }
        }
    }

    /// <summary>Answers an error; a request that was not read to its end also ends the connection.</summary>
    public static async Task AnswerAsync(this HttpContext http, DaprError error)
    {
        if (error == StreamTooLarge)
        {
            http.Response.Headers.Connection = "close";
        }

        await http.AnswerJsonAsync(error.HttpStatus, Encoding.UTF8.GetBytes(error.ToJson()));
    }

    /// <summary>Answers a JSON body.</summary>
    public static Task AnswerJsonAsync(this HttpContext http, int status, ReadOnlyMemory<byte> json)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        http.Response.ContentLength = json.Length;
        return http.Response.Body.WriteAsync(json, http.RequestAborted).AsTask();
    }

    /// <summary>Dapr's answer to everything that succeeded and has nothing to tell.</summary>
    public static Task AnswerNothingAsync(this HttpContext http)
    {
        http.Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    /// <summary>The body passed the limit of <c>--max-body-size</c>.</summary>
    public static DaprError StreamTooLarge { get; } =
        new("ERR_MALFORMED_REQUEST", "stream too large", StatusCodes.Status400BadRequest, StatusCode.ResourceExhausted);
}
