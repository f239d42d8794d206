using Sidecar.Server;

namespace Sidecar.Invocation;

/// <summary>An app's answer that is kept until it is known whether the app is asked once more.</summary>
internal sealed record Answer(int Status, IReadOnlyList<KeyValuePair<string, string[]>> Headers, byte[] Body)
{
    public static async Task<Answer> ReadAsync(HttpResponseMessage response, CancellationToken cancellation) =>
        new((int)response.StatusCode, [.. Passed(response)], await response.Content.ReadAsByteArrayAsync(cancellation));

    /// <summary>Passes on status and headers of an answer whose body follows.</summary>
    public static void WriteHead(HttpResponseMessage response, HttpContext http) => WriteHead((int)response.StatusCode, Passed(response), http);

    public async Task WriteAsync(HttpContext http)
    {
        WriteHead(Status, Headers, http);
        await http.Response.Body.WriteAsync(Body, http.RequestAborted);
    }

    private static void WriteHead(int status, IEnumerable<KeyValuePair<string, string[]>> headers, HttpContext http)
    {
        http.Response.StatusCode = status;
        foreach (var (name, values) in headers)
        {
            http.Response.Headers[name] = values;
        }
    }

    private static IEnumerable<KeyValuePair<string, string[]>> Passed(HttpResponseMessage response) =>
        response.Headers.NonValidated.Concat(response.Content.Headers.NonValidated)
            .Where(h => !HopHeaders.Contains(h.Key))
            .Select(h => new KeyValuePair<string, string[]>(h.Key, [.. h.Value]));
}
