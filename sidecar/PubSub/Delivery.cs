using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Sidecar.Resiliency;
using Sidecar.Server;

namespace Sidecar.PubSub;

/// <summary>How an attempt to hand a message to the app ended.</summary>
internal enum Outcome
{
    /// <summary>Done with.</summary>
    Success,

    /// <summary>The app does not want it: to the dead-letter topic if there is one.</summary>
    Drop,

    /// <summary>Failed; a policy may try again.</summary>
    Retry,
}

/// <summary>The result of one attempt, with the app's status code when a policy may look at it.</summary>
internal readonly record struct Attempt(Outcome Outcome, int? Status)
{
    /// <summary>For <see cref="Policy.RunAsync{T}"/>.</summary>
    public static Verdict Judge(Attempt attempt) =>
        attempt.Outcome == Outcome.Retry ? new Verdict(true, attempt.Status) : Verdict.Done;
}

/// <summary>Posts messages to the app and reads its answers as Dapr does.</summary>
internal static class Delivery
{
    // Metadata is sent as headers, but for what the request says in its own way.
    private static readonly HashSet<string> NotHeaders =
        new(StringComparer.OrdinalIgnoreCase) { "content-length", "content-type", "pubsubName", "traceparent", "tracestate" };

    /// <summary>The body of an answer to a request that, like all of Dapr's own, offered to take gzip.</summary>
    public static async Task<Stream> OpenAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        var body = await response.Content.ReadAsStreamAsync(cancellation);
        return response.Content.Headers.ContentEncoding.Contains("gzip") ? new GZipStream(body, CompressionMode.Decompress) : body;
    }

    /// <summary>A bulk answer and a single one differ only in what they say for success and for a missing route.</summary>
    public static async Task<Attempt> PostAsync(
        AppChannel channel,
        string path,
        string contentType,
        ReadOnlyMemory<byte> body,
        IReadOnlyDictionary<string, string> metadata,
        string pubSubName,
        string? traceParent,
        string? bulkEntryId,
        CancellationToken cancellation)
    {
        using var content = new ReadOnlyMemoryContent(body);
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(contentType);
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(path.StartsWith('/') ? path : "/" + path, UriKind.Relative)) { Content = content };
        GoClient.AddHeaders(request);
        foreach (var (name, value) in metadata)
        {
            if (!NotHeaders.Contains(name))
            {
                request.Headers.TryAddWithoutValidation(name, value);
            }
        }

        request.Headers.TryAddWithoutValidation("pubsubName", pubSubName);
        if (traceParent is not null)
        {
            request.Headers.TryAddWithoutValidation("traceparent", traceParent);
        }

        try
        {
            using var response = await channel.SendAsync(request, cancellation);
            return bulkEntryId is null
                ? await ReadAsync(response, cancellation)
                : await ReadBulkAsync(response, bulkEntryId, cancellation);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return new Attempt(Outcome.Retry, null);
        }
    }

    private static async Task<Attempt> ReadAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        if (response.StatusCode == HttpStatusCode.NotFound)
        {
            return new Attempt(Outcome.Drop, null);
        }

        if (!response.IsSuccessStatusCode)
        {
            return new Attempt(Outcome.Retry, (int)response.StatusCode);
        }

        return await StatusAsync(response, cancellation) switch
        {
            null or "" or "SUCCESS" => new Attempt(Outcome.Success, null),
            "DROP" => new Attempt(Outcome.Drop, null),
            _ => new Attempt(Outcome.Retry, null),
        };
    }

    private static async Task<string?> StatusAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        if (response.Content.Headers.ContentLength == 0)
        {
            return null;
        }

        try
        {
            using var answer = await ParseAsync(response, cancellation);
            return answer.RootElement.ValueKind == JsonValueKind.Object ? Text(answer.RootElement, "status") : null;
        }
        catch (Exception e) when (e is JsonException or InvalidDataException)
        {
            return null;
        }
    }

    private static async Task<Attempt> ReadBulkAsync(HttpResponseMessage response, string entryId, CancellationToken cancellation)
    {
        // A bulk call that meets no route is over, without a look at the dead-letter topic.
        if (response.StatusCode == HttpStatusCode.NotFound)
        {
            return new Attempt(Outcome.Success, null);
        }

        if (!response.IsSuccessStatusCode)
        {
            return new Attempt(Outcome.Retry, (int)response.StatusCode);
        }

        try
        {
            using var answer = await ParseAsync(response, cancellation);
            foreach (var status in (answer.RootElement.Member("statuses") ?? default).EnumerateArray())
            {
                if (Text(status, "entryId") == entryId)
                {
                    return Text(status, "status") switch
                    {
                        "SUCCESS" => new Attempt(Outcome.Success, null),
                        "DROP" => new Attempt(Outcome.Drop, null),
                        _ => new Attempt(Outcome.Retry, null),
                    };
                }
            }
        }
        catch (Exception e) when (e is JsonException or InvalidDataException or InvalidOperationException)
        {
        }

        return new Attempt(Outcome.Retry, null);
    }

    private static async Task<JsonDocument> ParseAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        using var body = await OpenAsync(response, cancellation);
        return await JsonDocument.ParseAsync(body, cancellationToken: cancellation);
    }

    // A member that is no string makes the whole answer undecodable for Dapr, which then takes it for success.
    private static string? Text(JsonElement value, string name) =>
        value.Member(name) is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;
}
