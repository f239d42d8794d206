using System.Net.Mime;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing.Patterns;

namespace Sidecar.Server;

/// <summary>What every request to the HTTP API goes through before its route.</summary>
internal static class HttpPipeline
{
    /// <summary>Cleans the path, sets the trace header of the answer, checks the token, and answers errors.</summary>
    public static async Task RunAsync(HttpContext http, string? token, RequestDelegate next)
    {
        http.Request.Path = CleanPath(http.Features.Get<IHttpRequestFeature>()!.RawTarget, http.Request.Path.Value ?? "/");
        var path = http.Request.Path.Value!;
        var health = path is "/v1.0/healthz" or "/v1.0/healthz/outbound";
        if (!health)
        {
            http.Response.OnStarting(static state =>
            {
                var http = (HttpContext)state;
                if (!http.Response.Headers.ContainsKey("traceparent"))
                {
                    http.Response.Headers["traceparent"] = TraceContext.Of(http).Parent;
                }

                return Task.CompletedTask;
            }, http);
        }

        if (token is not null && !health && !Same(http.Request.Headers["dapr-api-token"].ToString(), token))
        {
            http.Response.StatusCode = StatusCodes.Status401Unauthorized;
            http.Response.ContentType = "text/plain; charset=utf-8";
            await http.Response.WriteAsync("invalid api token\n", http.RequestAborted);
            return;
        }

        try
        {
            await next(http);
        }
        catch (DaprFault fault) when (!http.Response.HasStarted)
        {
            await http.AnswerAsync(fault.Error);
        }
        catch (BadHttpRequestException e) when (e.StatusCode == StatusCodes.Status413PayloadTooLarge && !http.Response.HasStarted)
        {
            await http.AnswerAsync(Requests.StreamTooLarge);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The caller has gone.
        }
    }

    /// <summary>Whether the route that was found was also written in its own case: Dapr's router tells cases apart.</summary>
    public static bool CaseMatters(HttpContext http)
    {
        if (http.GetEndpoint() is not RouteEndpoint endpoint)
        {
            return true;
        }

        var segments = http.Request.Path.Value!.AsSpan(1);
        foreach (var part in endpoint.RoutePattern.PathSegments)
        {
            var end = segments.IndexOf('/');
            var segment = end < 0 ? segments : segments[..end];
            if (part.Parts is [RoutePatternLiteralPart literal] && !segment.SequenceEqual(literal.Content))
            {
                return false;
            }

            segments = end < 0 ? [] : segments[(end + 1)..];
        }

        return true;
    }

    /// <summary>The route of what no other route serves.</summary>
    public const string AnyPath = "{**path}";

    /// <summary>Whether the app may use the route that was found.</summary>
    public static bool IsAllowed(HttpContext http, ApiAccess access) =>
        http.GetEndpoint() is not RouteEndpoint { RoutePattern.RawText: { } route } || route == AnyPath || access.AllowsHttp(route.TrimStart('/'));

    /// <summary>What Dapr's router answers where even invocation is closed.</summary>
    public static async Task NotFoundAsync(HttpContext http)
    {
        http.Response.StatusCode = StatusCodes.Status404NotFound;
        http.Response.ContentType = "text/plain; charset=utf-8";
        await http.Response.WriteAsync("404 page not found\n", http.RequestAborted);
    }

    /// <summary>Compares secrets in a time that does not depend on them.</summary>
    public static bool Same(string given, string wanted) =>
        CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(given), Encoding.UTF8.GetBytes(wanted));

    /// <summary>
    /// The path as it was sent, still escaped, without empty segments, dots and trailing slashes: the SDK for actors sends
    /// two slashes at the beginning.
    /// </summary>
    private static PathString CleanPath(string rawTarget, string decoded)
    {
        var raw = rawTarget.StartsWith('/') ? rawTarget : decoded;
        var query = raw.IndexOf('?', StringComparison.Ordinal);
        raw = query < 0 ? raw : raw[..query];
        if (raw.Length > 1 && !raw.EndsWith('/') && !raw.Contains("//", StringComparison.Ordinal)
            && !raw.Contains("/.", StringComparison.Ordinal))
        {
            return new PathString(raw);
        }

        return new PathString("/" + UrlPath.Clean(raw));
    }
}
