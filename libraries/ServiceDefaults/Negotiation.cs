using Accounts.Contracts;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace ServiceDefaults;

/// <summary>Answers are JSON; a client may call it <c>application/json</c> or <c>application/hal+json</c>.</summary>
public static class Negotiation
{
    /// <summary>The media type of the answer to this request; null when it accepts none.</summary>
    public static string? AnswerType(HttpRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var accept = request.Headers.Accept;
        if (accept.Count == 0 || accept is ["*/*"] or [MediaTypes.Json])
        {
            return MediaTypes.Json;
        }

        if (!MediaTypeHeaderValue.TryParseList(accept, out var ranges))
        {
            return null;
        }

        var json = Quality(ranges, "json");
        var hal = Quality(ranges, "hal+json");
        return (json, hal) is (0, 0) ? null : hal > json ? MediaTypes.Hal : MediaTypes.Json;
    }

    /// <summary>True when the request accepts answers of this media type, which is none of the two.</summary>
    public static bool Accepts(HttpRequest request, string mediaType)
    {
        ArgumentNullException.ThrowIfNull(request);
        return request.Headers.Accept.Count == 0
            || (MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out var ranges)
                && ranges.Any(range => range.Quality is not 0 && new MediaTypeHeaderValue(mediaType).IsSubsetOf(range)));
    }

    internal static ValueTask<object?> FilterAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next) =>
        AnswerType(context.HttpContext.Request) is null
            ? ValueTask.FromResult<object?>(Problems.ByStatus(StatusCodes.Status406NotAcceptable).Result())
            : next(context);

    // The most specific range decides (RFC 9110, 12.5.1).
    private static double Quality(IList<MediaTypeHeaderValue> ranges, string subtype)
    {
        var (best, quality) = (0, 0.0);
        foreach (var range in ranges)
        {
            var specific = (range.Type.Value, range.SubType.Value) switch
            {
                (var t, var s) when Same(t, "application") && Same(s, subtype) => 3,
                (var t, "*") when Same(t, "application") => 2,
                ("*", "*") => 1,
                _ => 0,
            };
            if (specific > best)
            {
                (best, quality) = (specific, range.Quality ?? 1);
            }
        }

        return quality;
    }

    private static bool Same(string? a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);
}
