using System.Text.Json;
using System.Text.RegularExpressions;
using TestSupport;

namespace Conformance.Tests;

/// <summary>What a running Dapr answered, and how answers are compared with it.</summary>
internal static partial class Golden
{
    // What HTTP needs and every client writes in its own way.
    private static readonly HashSet<string> NotCompared =
        new(StringComparer.OrdinalIgnoreCase) { "Host", "Content-Length", "Transfer-Encoding", "Connection" };

    public static JsonElement Read(string file)
    {
        using var stream = File.OpenRead(Path.Combine(AppContext.BaseDirectory, "golden", file));
        return JsonDocument.Parse(stream).RootElement;
    }

    /// <summary>Replaces what differs from run to run as in the golden files.</summary>
    public static string Normal(string text)
    {
        text = TraceParent().Replace(text, "TRACEPARENT");
        text = Uuid().Replace(text, "UUID");
        return Time().Replace(text, "TIME");
    }

    /// <summary>Whether a request is the golden one: its headers, no more and no fewer, and its body.</summary>
    public static string? Difference(JsonElement headers, JsonElement body, Asked asked)
    {
        foreach (var header in headers.EnumerateObject())
        {
            var value = asked.Headers.GetValueOrDefault(header.Name);
            if (value is null || Normal(value) != header.Value.GetString())
            {
                return $"header {header.Name} is {value ?? "absent"}, not {header.Value}";
            }
        }

        if (asked.Headers.Keys.FirstOrDefault(n => !NotCompared.Contains(n)
            && !headers.EnumerateObject().Any(h => h.Name.Equals(n, StringComparison.OrdinalIgnoreCase))) is { } more)
        {
            return $"header {more} ({asked.Headers[more]}) is too much";
        }

        if (body.ValueKind == JsonValueKind.String)
        {
            return asked.Body == body.GetString() ? null : $"the body is {asked.Body}, not {body}";
        }

        return JsonElement.DeepEquals(JsonDocument.Parse(Normal(asked.Body)).RootElement, JsonDocument.Parse(Normal(body.GetRawText())).RootElement)
            ? null
            : $"the body is {asked.Body}, not {body.GetRawText()}";
    }

    [GeneratedRegex("00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")]
    private static partial Regex TraceParent();

    [GeneratedRegex("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")]
    private static partial Regex Uuid();

    [GeneratedRegex(@"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")]
    private static partial Regex Time();
}
