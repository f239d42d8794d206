using System.Buffers;
using System.Net;
using System.Text;
using Grpc.Core;

namespace Sidecar.Server;

/// <summary>What the HTTP APIs read from requests and write as answers, in Dapr's ways.</summary>
internal static class Requests
{
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
        try
        {
            using var buffer = new MemoryStream((int)Math.Min(http.Request.ContentLength ?? 0, 1 << 20));
            await http.Request.Body.CopyToAsync(buffer, http.RequestAborted);
            return buffer.ToArray();
        }
        catch (BadHttpRequestException e) when (e.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            throw StreamTooLarge.Fault();
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
