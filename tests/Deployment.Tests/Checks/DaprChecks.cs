using System.Globalization;
using System.Text.RegularExpressions;
using Accounts.Contracts;
using Deployment.Tests.Model;

namespace Deployment.Tests.Checks;

/// <summary>Configurations, subscriptions, resiliency: what sidecars allow and how they deliver.</summary>
internal static partial class DaprChecks
{
    private static readonly string[] OfCollector = ["endpointAddress", "protocol", "isSecure"];

    public static IEnumerable<Check> List =>
    [
        new(3, "Every app has a configuration of its own name, on a desk and in Kubernetes", Configurations),
        new(7, "What is subscribed by a file exists, has a dead-letter topic, and is not subscribed by the code too", Subscriptions),
        new(7, "What the code subscribes to has a dead-letter topic, unless it may be lost", SubscribedByCode),
        new(8, "What fails is tried again, with an end, and every name in it leads somewhere", Resiliencies),
        new(10, "A configuration traces what it should, allows the same calls everywhere and lets in by default nobody who is not known", Allowances),
        new(11, "No file of the desk has a dollar sign that Dapr would expand", Dollars),
        new(12, "App ids are DNS labels that leave room for Dapr's suffix", Ids),
    ];

    private static IEnumerable<(string Name, bool Cluster, List<Document> Documents)> Places(Scene scene) => scene.Overlays
        .Select(overlay => (overlay.Name, true, overlay.Dapr("Configuration").ToList()))
        .Prepend(("configuration", false, [.. scene.DocumentsUnder("configuration/").Where(document => document.IsDapr("Configuration"))]));

    private static void Configurations(Scene scene, Report report)
    {
        foreach (var (name, cluster, documents) in Places(scene))
        {
            foreach (var missing in Names.Apps.Except(documents.Select(document => document.Name)))
            {
                report.Add(cluster ? $"k8s/overlays/{name}/kustomization.yaml" : "configuration/" + missing + ".yaml", 1, $"there is no Configuration '{missing}'");
            }

            foreach (var document in documents)
            {
                report.Unless(Names.Apps.Contains(document.Name), document, document.Root.Get("metadata", "name"), "it is named after no app");
                report.Unless(cluster || document.Source == $"configuration/{document.Name}.yaml", document, document.Root.Get("metadata", "name"), "its file is named otherwise");
            }
        }
    }

    private static void Subscriptions(Scene scene, Report report)
    {
        var documents = scene.DocumentsUnder("components/").Concat(scene.Overlays.SelectMany(overlay => overlay.Documents)).Where(document => document.IsDapr("Subscription"));
        foreach (var subscription in documents)
        {
            var (topic, broker, dead) = (subscription.Spec.Text("topic"), subscription.Spec.Text("pubsubname"), subscription.Spec.Text("deadLetterTopic"));
            report.Unless(broker is Components.Events or Components.Wakeups, subscription, subscription.Spec.Get("pubsubname"), $"there is no broker '{broker}'");
            report.Unless(Names.TopicNames.Contains(topic ?? ""), subscription, subscription.Spec.Get("topic"), $"no code names the topic '{topic}'");
            report.Unless(!Code.Subscriptions(scene).Any(one => (one.Component, one.Topic) == (broker, topic)), subscription, subscription.Spec.Get("topic"), "the code subscribes to it by itself: everything would come twice");
            report.Unless(dead is not null && dead != topic, subscription, subscription.Spec, "it has no dead-letter topic of its own");
            report.Unless(subscription.Root.Texts("scopes").Any(), subscription, subscription.Root, "it has no scopes");
        }
    }

    /// <summary>What is subscribed by the code; wake-ups may be lost.</summary>
    private static void SubscribedByCode(Scene scene, Report report)
    {
        var subscriptions = Code.Subscriptions(scene);
        foreach (var one in subscriptions.Where(one => one.Component != Components.Wakeups && !Code.IsDeadLetterTopic(scene, one.Topic) && (one.DeadLetterTopic is null || one.DeadLetterTopic == one.Topic)))
        {
            report.Add(one.File, one.Line, $"the subscription of {one.Topic} on {one.Component} has no dead-letter topic of its own");
        }

        foreach (var one in subscriptions.Where(one => one.DeadLetterTopic is { } dead && !subscriptions.Any(other => (other.Component, other.Topic) == (one.Component, dead))))
        {
            report.Add(one.File, one.Line, $"nobody takes what ends on {one.DeadLetterTopic}: a broker that has no reader of it may drop it");
        }

        foreach (var one in subscriptions.Where(one => !Names.TopicNames.Contains(one.Topic) || !Names.ComponentNames.Contains(one.Component)))
        {
            report.Add(one.File, one.Line, $"there is no topic '{one.Topic}' of a component '{one.Component}'");
        }

        if (!subscriptions.Any(one => (one.Component, one.Topic) == (Components.Wakeups, Topics.AccountLog)))
        {
            report.AddAt("services/Accounts.Processor/Consumers/FunctionSetup.cs", "/wake-ups", "nothing subscribes to wake-ups");
        }
    }

    private static void Resiliencies(Scene scene, Report report)
    {
        var places = scene.Sets.Select(set => (Where: scene.Under(set + "/").First(), Documents: scene.DocumentsUnder(set + "/").ToList(), Functions: Enumerable.Empty<string>()))
            .Concat(scene.Overlays.Select(overlay => (Where: "k8s/base/resiliency.yaml", Documents: overlay.Documents.ToList(), Functions: overlay.Services.Where(service => service.Label("component") == "function").Select(Overlay.AppId))));
        foreach (var (where, documents, functions) in places)
        {
            var all = documents.Where(document => document.IsDapr("Resiliency")).ToList();
            if (!all.Exists(document => document.Spec.Text("targets", "components", Components.Events, "inbound", "retry") is not null))
            {
                report.Add(where, 1, $"nothing retries what is delivered on '{Components.Events}': the first failure would lose the message");
            }

            foreach (var document in all)
            {
                foreach (var (name, policy) in document.Spec.Fields("policies", "retries"))
                {
                    report.Unless(policy.Number("maxRetries") is > 0 and <= 10, document, policy, $"the retry '{name}' has no end: the message would block its worker");
                }

                foreach (var (component, target) in document.Spec.Fields("targets", "components"))
                {
                    report.Unless(Names.ComponentNames.Contains(component), document, target, $"there is no component '{component}'");
                    foreach (var (direction, policies) in target.Fields())
                    {
                        foreach (var (kind, policy) in policies.Fields())
                        {
                            var defined = kind switch { "retry" => "retries", "timeout" => "timeouts", _ => "circuitBreakers" };
                            report.Unless(document.Spec.Get("policies", defined, policy.Text() ?? "") is not null, document, policy, $"there is no {kind} '{policy.Text()}' for {component} {direction}");
                        }
                    }
                }

                foreach (var (app, target) in document.Spec.Fields("targets", "apps"))
                {
                    report.Unless(Names.Apps.Contains(app), document, target, $"there is no app '{app}'");
                }

                var (scopes, wanted) = (document.Root.Texts("scopes").Order().ToList(), functions.Append(AppIds.Processor).Order().ToList());
                report.Unless(scopes.SequenceEqual(wanted), document, document.Root.Get("scopes") ?? document.Root, $"it is for {string.Join(", ", scopes)}, and messages are delivered to {string.Join(", ", wanted)}");
            }
        }
    }

    private static void Allowances(Scene scene, Report report)
    {
        var desk = scene.DocumentsUnder("configuration/").ToDictionary(document => document.Name, Allowed);
        foreach (var (overlay, cluster, documents) in Places(scene))
        {
            foreach (var document in documents)
            {
                var spec = document.Spec;
                var rate = spec.Get("tracing", "samplingRate");
                report.Unless(rate?.IsQuoted() == true && double.TryParse(rate.Text(), CultureInfo.InvariantCulture, out var share) && share is >= 0 and <= 1, document, rate ?? spec, "samplingRate is no text from 0 to 1");
                report.Unless(spec.Get("tracing", "otel") is not { } otel || OfCollector.All(field => otel.Get(field) is not null), document, spec.Get("tracing"), "otel lacks endpointAddress, protocol or isSecure");
                report.Unless(Allowed(document).Select(rule => rule.Split(' ')[2]).Distinct().Order().SequenceEqual(["grpc", "http"]), document, spec.Get("api") ?? spec, "a protocol for which nothing is allowed is open");
                report.Unless(!desk.TryGetValue(document.Name, out var there) || there.SetEquals(Allowed(document)), document, spec.Get("api"), $"it allows other calls than configuration/{document.Name}.yaml");
                report.Unless(spec.Text("accessControl", "defaultAction") == "deny" || (!cluster && document.Name == AppIds.Command), document, spec.Get("accessControl") ?? spec, "it does not deny by default");
                foreach (var handler in spec.Items("httpPipeline", "handlers").Concat(spec.Items("appHttpPipeline", "handlers")))
                {
                    report.Unless(scene.DocumentsUnder("components/").Any(component => component.Name == handler.Text("name")), document, handler, $"there is no middleware '{handler.Text("name")}'");
                }

                foreach (var policy in spec.Items("accessControl", "policies"))
                {
                    Callers(scene, report, document, policy, overlay, cluster);
                }
            }

            var callers = documents.Where(document => document.Name == AppIds.Command).SelectMany(document => document.Spec.Items("accessControl", "policies")).Select(policy => policy.Text("appId"));
            var wanted = scene.Overlays.Where(found => found.Name == overlay).SelectMany(found => found.Services).Where(service => service.Label("component") is "processor" or "function").Select(Overlay.AppId).DefaultIfEmpty(AppIds.Processor);
            foreach (var missing in wanted.Except(callers))
            {
                report.AddAt(cluster ? "k8s/base/command/configuration.yaml" : $"configuration/{AppIds.Command}.yaml", "policies:", $"'{missing}' may not send commands (in {overlay})");
            }
        }
    }

    private static void Callers(Scene scene, Report report, Document document, YamlDotNet.RepresentationModel.YamlNode policy, string overlay, bool cluster)
    {
        var there = scene.Overlays.Find(found => found.Name == overlay);
        var apps = there?.Services.Select(Overlay.AppId) ?? Names.Apps;
        report.Unless(apps.Contains(policy.Text("appId")), document, policy, $"there is no app '{policy.Text("appId")}'");
        var space = there?.Of("Namespace").SingleOrDefault()?.Name ?? "default";
        report.Unless(policy.Text("namespace") == space, document, policy.Get("namespace") ?? policy, $"callers are in the namespace '{space}'");
        report.Unless(policy.Text("trustDomain") == "public", document, policy, "the trust domain is not Dapr's own");
        report.Unless(!cluster || policy.Text("defaultAction") == "deny", document, policy, "what is not listed is let in");
        report.Unless(policy.Items("operations").All(operation => operation.Text("name") == "/v1/accounts/**/commands/*" && operation.Texts("httpVerb").SequenceEqual(["POST"])), document, policy, "it lets in more than commands on accounts");
    }

    private static HashSet<string> Allowed(Document configuration) =>
        [.. configuration.Spec.Items("api", "allowed").Select(rule => $"{rule.Text("name")} {rule.Text("version")} {rule.Text("protocol")}")];

    private static void Dollars(Scene scene, Report report)
    {
        foreach (var file in scene.Under("configuration/").Where(file => scene.Files[file].Contains('$', StringComparison.Ordinal)))
        {
            report.AddAt(file, "$", "Dapr replaces a dollar sign and what follows by a variable of the environment");
        }
    }

    private static void Ids(Scene scene, Report report)
    {
        var desk = scene.In("dapr.yaml").SelectMany(document => document.Root.Items("apps").Select(app => (Document: document, Node: app.Get("appID")!)));
        var cluster = scene.Overlays.SelectMany(overlay => overlay.Services.Select(service => (Document: service, Node: service.Spec.Get("template", "metadata", "annotations", "dapr.io/app-id")!)));
        foreach (var (document, node) in desk.Concat(cluster).Where(found => found.Node is not null))
        {
            report.Unless(DnsLabel().IsMatch(node.Text()!), document, node, $"'{node.Text()}' is no DNS label of up to 58 characters");
        }

        foreach (var overlay in scene.Overlays)
        {
            foreach (var twice in overlay.Services.GroupBy(Overlay.AppId).Where(group => group.Count() > 1))
            {
                report.Add(twice.Last(), null, $"two Deployments are the app '{twice.Key}'");
            }
        }
    }

    [GeneratedRegex("^[a-z]([a-z0-9-]{0,56}[a-z0-9])?$")]
    private static partial Regex DnsLabel();
}
