using System.Text.Json;
using System.Text.RegularExpressions;

namespace Conformance.Tests;

/// <summary>One request of a golden file and what Dapr answered to it.</summary>
internal sealed record GoldenStep(
    string What, string Method, string Path, IReadOnlyDictionary<string, string> Sent, string? Content,
    int Status, IReadOnlyDictionary<string, string> Headers, string Body)
{
    public static IReadOnlyList<GoldenStep> Read(string file) =>
        [.. Golden.Read(file).EnumerateArray().Select(step =>
        {
            var request = step.GetProperty("request");
            return new GoldenStep(
                step.GetProperty("what").GetString()!,
                request.GetProperty("method").GetString()!,
                request.GetProperty("path").GetString()!,
                Texts(request.GetProperty("headers")),
                request.GetProperty("body").GetString(),
                step.GetProperty("status").GetInt32(),
                Texts(step.GetProperty("headers")),
                step.GetProperty("body").GetString()!);
        })];

    private static Dictionary<string, string> Texts(JsonElement members) =>
        members.EnumerateObject().ToDictionary(m => m.Name, m => m.Value.GetString()!);
}

/// <summary>Sends the requests of a golden file as they are and compares the answers.</summary>
internal sealed partial class GoldenHttp(Uri sidecar, IReadOnlyDictionary<string, string> headers) : IDisposable
{
    // Framing of the connection, not part of the answer; and what the app's own web server says.
    private static readonly HashSet<string> NotCompared = new(StringComparer.OrdinalIgnoreCase) { "Transfer-Encoding", "Server" };

    private readonly HttpClient _client = new();

    // Where a golden request holds "UUID", Dapr had been given the ETag of its last answer for the path.
    private readonly Dictionary<string, string> _etags = [];

    /// <summary>Runs the step; null, or how the answer differs.</summary>
    public async Task<string?> DifferenceAsync(GoldenStep step, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(
            new HttpMethod(step.Method),
            new Uri(sidecar.GetLeftPart(UriPartial.Authority) + step.Path, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
        if (step.Content is { } content)
        {
            request.Content = new StringContent(Repeated().Replace(content, m => new string('x', int.Parse(m.Groups[1].Value, null))));
            request.Content.Headers.Clear();
        }

        foreach (var (name, value) in step.Sent.Concat(headers))
        {
            var sent = value == "UUID" ? _etags[step.Path] : value;
            if (!request.Headers.TryAddWithoutValidation(name, sent))
            {
                request.Content!.Headers.TryAddWithoutValidation(name, sent);
            }
        }

        using var response = await _client.SendAsync(request, cancellation);
        var body = await response.Content.ReadAsStringAsync(cancellation);
        var got = response.Headers.Concat(response.Content.Headers).ToDictionary(h => h.Key, h => string.Join(", ", h.Value), StringComparer.OrdinalIgnoreCase);
        if (got.TryGetValue("ETag", out var etag))
        {
            _etags[step.Path] = etag;
        }

        if ((int)response.StatusCode != step.Status)
        {
            return $"status {(int)response.StatusCode} instead of {step.Status}: {body}";
        }

        foreach (var (name, value) in step.Headers.Where(h => !NotCompared.Contains(h.Key)))
        {
            if (!got.TryGetValue(name, out var found) || Golden.Normal(found) != value)
            {
                return $"header {name} is '{found}' instead of '{value}'";
            }
        }

        foreach (var name in new[] { "ETag", "Content-Type" })
        {
            if (got.TryGetValue(name, out var found) && !step.Headers.Keys.Contains(name, StringComparer.OrdinalIgnoreCase))
            {
                return $"header {name} ({found}) is too much";
            }
        }

        return Same(step, Golden.Normal(body)) ? null : $"body {body} instead of {step.Body}";
    }

    public void Dispose() => _client.Dispose();

    private static bool Same(GoldenStep step, string body)
    {
        if (step.What == "metadata")
        {
            return GoldenMetadata.Same(step.Body, body);
        }

        // Redis and in-memory answer a bulk get in any order.
        if (step.What == "bulk get" && (step.Path.Contains("/memory/", StringComparison.Ordinal) || step.Path.Contains("/redis/", StringComparison.Ordinal)))
        {
            return Sorted(step.Body).SequenceEqual(Sorted(body));
        }

        return WithoutStoreText(step.Body) == WithoutStoreText(body);
    }

    /// <summary>The text of an error beyond its first words belongs to the store.</summary>
    private static string WithoutStoreText(string body) => StoreText().Replace(body, "$1\"}");

    private static IEnumerable<string> Sorted(string array) =>
        JsonDocument.Parse(array).RootElement.EnumerateArray().Select(e => e.GetRawText()).Order(StringComparer.Ordinal);

    [GeneratedRegex("x repeated ([0-9]+) times")]
    private static partial Regex Repeated();

    [GeneratedRegex("(error from state store|invalid etag value|failed to set key|failed to delete|ERR user_script)(.*)\"}$", RegexOptions.Singleline)]
    private static partial Regex StoreText();
}
