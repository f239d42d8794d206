using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Sidecar.Server;

/// <summary>
/// The W3C trace context of a call to the sidecar: the caller's trace with a span of the sidecar's own, or a new trace
/// when the caller sent none. Deliveries, invocations and actor calls that follow from the call carry it on.
/// </summary>
internal sealed partial record TraceContext(string Parent, string State)
{
    /// <summary>The context of this request; the same however often it is asked for.</summary>
    public static TraceContext Of(HttpContext http)
    {
        if (http.Features.Get<TraceContext>() is { } known)
        {
            return known;
        }

        var made = From(http.Request.Headers["traceparent"], http.Request.Headers["tracestate"]);
        http.Features.Set(made);
        return made;
    }

    /// <summary>A child of the given context; a new trace when <paramref name="parent"/> is absent or malformed.</summary>
    public static TraceContext From(string? parent, string? state)
    {
        var span = ActivitySpanId.CreateRandom().ToHexString();
        return parent is not null && TraceParent().IsMatch(parent)
            ? new TraceContext($"{parent[..36]}{span}{parent[52..55]}", state ?? "")
            : new TraceContext($"00-{ActivityTraceId.CreateRandom().ToHexString()}-{span}-01", "");
    }

    /// <summary>Puts the context on a request to the app.</summary>
    public void Write(HttpRequestMessage request)
    {
        request.Headers.Remove("traceparent");
        request.Headers.Remove("tracestate");
        request.Headers.TryAddWithoutValidation("traceparent", Parent);
        if (State.Length > 0)
        {
            request.Headers.TryAddWithoutValidation("tracestate", State);
        }
    }

    [GeneratedRegex("^[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")]
    private static partial Regex TraceParent();
}
