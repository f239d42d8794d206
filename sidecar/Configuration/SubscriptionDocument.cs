using Sidecar.PubSub;
using Route = Sidecar.PubSub.Route;

namespace Sidecar.Configuration;

/// <summary>Reads a <c>kind: Subscription</c> document of either version.</summary>
internal static class SubscriptionDocument
{
    /// <summary>Null when it has no route, topic or broker; the errors say so.</summary>
    public static Subscription? Read(Section document)
    {
        document.Name = $"subscription {document.Child("metadata")?.Text("name") ?? "without a name"}";
        if (document.Child("spec") is not { } spec)
        {
            document.Error("spec", "'spec' is missing", "Add spec.pubsubname, spec.topic and a route.");
            return null;
        }

        var broker = spec.RequiredText("pubsubname", "Name the pub/sub component.");
        var topic = spec.RequiredText("topic", "Name the topic.");
        var routes = document.Text("apiVersion") == "dapr.io/v1alpha1" ? Single(spec) : Routes(spec);
        var scopes = document.Texts("scopes");
        var metadata = spec.Map("metadata");
        var deadLetter = spec.Text("deadLetterTopic");
        var bulk = spec.Child("bulkSubscribe");
        var bulkEnabled = bulk?.Flag("enabled") ?? false;
        var most = bulk?.Number("maxMessagesCount", least: 0) is { } count and > 0 ? count : 100;
        var wait = bulk?.Number("maxAwaitDurationMs", least: 0) is { } milliseconds and > 0 ? milliseconds : 1000;
        return broker is null || topic is null || routes.Count == 0
            ? null
            : new Subscription
            {
                PubSubName = broker,
                Topic = topic,
                Routes = routes,
                Metadata = metadata,
                DeadLetterTopic = string.IsNullOrEmpty(deadLetter) ? null : deadLetter,
                Bulk = bulkEnabled ? new BulkSubscribe(most, TimeSpan.FromMilliseconds(wait)) : null,
                Scopes = scopes,
                File = document.File,
            };
    }

    private static List<RouteRule> Single(Section spec) =>
        spec.RequiredText("route", "Add 'route: /path', the app's path that messages are posted to.") is { } route ? [new RouteRule("", route)] : [];

    private static List<RouteRule> Routes(Section spec)
    {
        if (spec.Child("routes") is not { } routes)
        {
            spec.Error("routes", "'routes' is missing", "Add 'routes:' with 'default: /path' or with rules.");
            return [];
        }

        var rules = new List<RouteRule>();
        var given = routes.Children("rules");
        foreach (var rule in given)
        {
            var match = rule.Text("match") ?? "";
            if (rule.RequiredText("path", "Each rule needs the path that matching messages are posted to.") is not { } path)
            {
                continue;
            }

            try
            {
                _ = Route.Parse(match, path);
                rules.Add(new RouteRule(match, path));
            }
            catch (CelException e)
            {
                rule.Error("match", $"'{match}' is no condition: {e.Message.TrimEnd('.')}", "Write a CEL expression over event, for instance event.type == \"a\".");
            }
        }

        if (routes.Text("default") is { Length: > 0 } fallback)
        {
            rules.Add(new RouteRule("", fallback));
        }

        if (rules.Count == 0 && given.Count == 0)
        {
            routes.Error("default", "no route is given", "Add 'default: /path' or rules.");
        }

        return rules;
    }
}
