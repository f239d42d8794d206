using System.Net;
using System.Text.Json;
using Sidecar.Configuration;
using Sidecar.Resiliency;
using Sidecar.Server;

namespace Sidecar.PubSub;

/// <summary>A subscription whose rules have been parsed.</summary>
internal sealed record ReadySubscription(Subscription Subscription, IReadOnlyList<Route> Routes);

/// <summary>Finds out what an app subscribes to.</summary>
internal static class Discovery
{
    /// <summary>
    /// Asks the app (<c>GET /dapr/subscribe</c>, repeated only when the call itself fails). An answer other than 200, and
    /// one that cannot be read or holds a rule that cannot be parsed, means that the app subscribes to nothing, as in Dapr.
    /// </summary>
    /// <returns>Null when the app could not be reached; it may be asked again.</returns>
    public static async Task<IReadOnlyList<ReadySubscription>?> AskAsync(
        AppSidecar sidecar, Policy policy, Action<string> log, CancellationToken cancellation)
    {
        var body = await AskAsync(sidecar, "/dapr/subscribe", policy, cancellation);
        if (body is null)
        {
            log("the app could not be asked for its subscriptions");
            return null;
        }

        if (body.Length == 0)
        {
            return [];
        }

        try
        {
            using var answer = JsonDocument.Parse(body);
            return [.. answer.RootElement.EnumerateArray().Select(Read).Where(s => s.Routes.Count > 0)];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or CelException)
        {
            log($"the app's answer to /dapr/subscribe is refused as a whole: {e.Message}");
            return [];
        }
    }

    /// <summary>Asks the app one of the two questions of the start.</summary>
    /// <returns>The body; empty unless the status was 200; null when the app could not be reached.</returns>
    public static Task<byte[]?> AskAsync(AppSidecar sidecar, string path, Policy policy, CancellationToken cancellation) =>
        policy.RunAsync(
            async token =>
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, path) { Content = new ByteArrayContent([]) };
                request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/json");
                GoClient.AddHeaders(request);
                request.Headers.TryAddWithoutValidation("dapr-app-id", sidecar.App.AppId);
                try
                {
                    using var response = await sidecar.Channel!.SendAsync(request, token);
                    if (response.StatusCode != HttpStatusCode.OK)
                    {
                        return [];
                    }

                    using var copy = new MemoryStream();
                    using var body = await Delivery.OpenAsync(response, token);
                    await body.CopyToAsync(copy, token);
                    return copy.ToArray();
                }
                catch (Exception e) when (e is HttpRequestException or IOException)
                {
                    return null;
                }
            },
            (byte[]? body) => body is null ? Verdict.Again : Verdict.Done,
            null, sidecar.Neighbourhood.Time, cancellation, cancellation);

    /// <summary>
    /// One subscription a topic: the first declared one, replaced by one of the app's own.
    /// </summary>
    public static IReadOnlyList<ReadySubscription> Merge(IEnumerable<ReadySubscription> declared, IEnumerable<ReadySubscription> own)
    {
        var merged = new Dictionary<(string, string), ReadySubscription>();
        foreach (var one in declared)
        {
            merged.TryAdd((one.Subscription.PubSubName, one.Subscription.Topic), one);
        }

        foreach (var one in own)
        {
            merged[(one.Subscription.PubSubName, one.Subscription.Topic)] = one;
        }

        return [.. merged.Values];
    }

    /// <exception cref="CelException">A rule cannot be parsed.</exception>
    public static ReadySubscription Prepare(Subscription subscription) =>
        new(subscription, [.. subscription.Routes.Select(r => Route.Parse(r.Match, r.Path))]);

    private static ReadySubscription Read(JsonElement item)
    {
        var routes = new List<RouteRule>();
        if (item.Member("routes") is { } given)
        {
            foreach (var rule in given.Member("rules")?.EnumerateArray() ?? default)
            {
                routes.Add(new RouteRule(rule.Member("match")?.GetString() ?? "", rule.Member("path")?.GetString() ?? ""));
            }

            if (given.Member("default")?.GetString() is { Length: > 0 } path)
            {
                routes.Add(new RouteRule("", path));
            }
        }

        // The single route of the old form counts only where the new form has no default.
        if (!routes.Exists(r => r.Match.Length == 0) && item.Member("route")?.GetString() is { Length: > 0 } single)
        {
            routes.Add(new RouteRule("", single));
        }

        return Prepare(new Subscription
        {
            PubSubName = item.Member("pubsubname")?.GetString() ?? "",
            Topic = item.Member("topic")?.GetString() ?? "",
            Routes = routes,
            Metadata = item.Member("metadata")?.EnumerateObject().ToDictionary(m => m.Name, m => m.Value.GetString() ?? "")
                ?? new Dictionary<string, string>(),
            DeadLetterTopic = item.Member("deadLetterTopic")?.GetString(),
            Bulk = item.Member("bulkSubscribe") is { } bulk && bulk.Member("enabled")?.GetBoolean() == true
                ? new BulkSubscribe(Count(bulk, "maxMessagesCount", 100), TimeSpan.FromMilliseconds(Count(bulk, "maxAwaitDurationMs", 1000)))
                : null,
        });
    }

    private static int Count(JsonElement value, string name, int otherwise) =>
        value.Member(name)?.GetInt32() is { } count and > 0 ? count : otherwise;
}
