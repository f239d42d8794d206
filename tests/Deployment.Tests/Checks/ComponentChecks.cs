using Accounts.Contracts;
using Deployment.Tests.Model;
using YamlDotNet.RepresentationModel;

namespace Deployment.Tests.Checks;

/// <summary>The Dapr components, on a desk and in Kubernetes: the same names, for the same apps, with settings that there are.</summary>
internal static class ComponentChecks
{
    private static readonly string[] OfEveryStore = ["keyPrefix", "actorStateStore", "outboxPublishPubsub", "outboxPublishTopic", "outboxPubsub", "outboxDiscardWhenMissingState"];
    private static readonly string[] OfEveryBroker = ["consumerID", "publishingScopes", "subscriptionScopes", "allowedTopics", "protectedTopics"];
    private static readonly string[] SecretWords = ["password", "connectionstring", "token", "masterkey", "secretkey", "accesskey", "seedkey"];

    public static IEnumerable<Check> List =>
    [
        new(2, "Dapr has every component in this version, and knows each of its settings", Known),
        new(3, "Every set has just the components that the code names", Complete),
        new(3, "In Kubernetes a component is set as on a desk, but for addresses and secrets", SameAsOnTheDesk),
        new(4, "A component is for just the apps that use it", Scoped),
        new(5, "Secrets are only referred to, and what is referred to is there", Secrets),
        new(6, "State has the same keys for all apps, in a store that can what the log needs; just one hosts actors", Stores),
        new(9, "Brokers neither grow for ever nor lose what they were given", Brokers),
        new(9, "A broker does not deliver a message again while it is still being tried", Patience),
        new(9, "A component of JetStream serves as many topics as it can", Durables),
        new(2, "Every setting that is written out says why", Reasons),
    ];

    /// <summary>The components that are loaded together: a folder on a desk, an overlay in Kubernetes.</summary>
    private static IEnumerable<(string Name, bool Cluster, List<Document> Documents)> Sets(Scene scene) => scene.Sets
        .Select(set => (set, false, scene.DocumentsUnder(set + "/").Where(document => document.IsDapr("Component")).ToList()))
        .Concat(scene.Overlays.Select(overlay => (overlay.Name, true, overlay.Dapr("Component").ToList())));

    private static IEnumerable<Document> All(Scene scene) => Sets(scene).SelectMany(set => set.Documents);

    private static string TypeOf(Document component) => component.Spec.Text("type") ?? "";

    private static bool Is(Document component, string kind) => TypeOf(component).StartsWith(kind + ".", StringComparison.Ordinal);

    private static YamlNode? Setting(Document component, string name) => component.Spec.Items("metadata").FirstOrDefault(entry => entry.Text("name") == name);

    private static string? Value(Document component, string name) => Setting(component, name).Text("value");

    private static void Known(Scene scene, Report report)
    {
        foreach (var component in All(scene))
        {
            var type = $"{TypeOf(component)}/{component.Spec.Text("version")}";
            if (Facts.DaprComponents.Get(type) is not { } facts)
            {
                report.Add(component, component.Spec.Get("type"), $"Dapr has no '{type}', or it is not in facts/dapr-components.yaml");
                continue;
            }

            var keys = facts.Fields("keys").ToDictionary(key => key.Key, key => key.Value.Text()!, StringComparer.OrdinalIgnoreCase);
            var common = Is(component, "state") ? OfEveryStore : Is(component, "pubsub") ? OfEveryBroker : [];
            foreach (var entry in component.Spec.Items("metadata"))
            {
                var name = entry.Text("name") ?? "";
                var known = keys.GetValueOrDefault(name);
                report.Unless(known is not null || common.Contains(name), component, entry, $"{type} has no setting '{name}'");
                report.Unless(known?.Contains('-', StringComparison.Ordinal) != true, component, entry, $"'{name}' is deprecated, or will be");
                var values = facts.Texts("values", name).ToList();
                report.Unless(values.Count == 0 || entry.Get("value") is null || values.Contains(entry.Text("value")!), component, entry, $"'{name}' is none of {string.Join(", ", values)}");
                report.Unless(entry.Get("value") is null != (entry.Get("secretKeyRef") is null), component, entry, $"'{name}' has not just one of value and secretKeyRef");
                report.Unless(entry.Get("value")?.LooksLikeNoText() != true, component, entry, $"the value of '{name}' is not quoted");
            }

            var logins = facts.Items("logins").Select(login => login.Texts().ToList()).ToList();
            report.Unless(logins.Count == 0 || logins.Exists(login => login.TrueForAll(setting => setting.Split('=') is [var name, var value] ? Value(component, name) == value : Setting(component, setting) is not null)),
                component, component.Spec.Get("metadata") ?? component.Spec, $"it does not say who it is: {type} needs {string.Join(", or ", logins.Select(login => string.Join(" and ", login)))}");

            foreach (var missing in keys.Where(key => key.Value.Contains('!', StringComparison.Ordinal) && Setting(component, key.Key) is null))
            {
                report.Add(component, component.Spec.Get("metadata") ?? component.Spec, $"{type} needs '{missing.Key}'");
            }
        }
    }

    private static void Complete(Scene scene, Report report)
    {
        foreach (var (name, cluster, documents) in Sets(scene))
        {
            var found = documents.Where(component => !Is(component, "secretstores")).ToList();
            var where = cluster ? $"k8s/overlays/{name}/kustomization.yaml" : documents.FirstOrDefault()?.Source ?? name;
            foreach (var missing in Names.ComponentNames.Except(found.Select(component => component.Name)))
            {
                report.Add(where, 1, $"{name} has no component '{missing}'");
            }

            foreach (var component in found)
            {
                report.Unless(Names.ComponentNames.Contains(component.Name), component, component.Root.Get("metadata", "name"), "no code names it");
                var kind = component.Name is Components.EventLog or Components.Views ? "state" : "pubsub";
                report.Unless(Is(component, kind), component, component.Spec.Get("type"), $"it is not of the kind '{kind}'");
            }
        }
    }

    private static void SameAsOnTheDesk(Scene scene, Report report)
    {
        var desk = scene.Sets.SelectMany(set => scene.DocumentsUnder(set + "/")).ToList();
        foreach (var component in scene.Overlays.SelectMany(overlay => overlay.Dapr("Component")))
        {
            var alike = desk.Where(other => (other.Name, TypeOf(other)) == (component.Name, TypeOf(component))).ToList();
            report.Unless(alike.Exists(other => Settings(other).SetEquals(Settings(component))), component, component.Spec.Get("metadata"), $"no set of components/ has a {TypeOf(component)} with these settings");
        }
    }

    private static HashSet<string> Settings(Document component) =>
        [.. component.Spec.Items("metadata").Where(entry => entry.Text("name") is not ("redisHost" or "redisPassword")).Select(entry => $"{entry.Text("name")}={entry.Text("value") ?? "secret"}")];

    private static void Scoped(Scene scene, Report report)
    {
        foreach (var (name, _, documents) in Sets(scene))
        {
            var functions = scene.Overlays.FirstOrDefault(overlay => overlay.Name == name)?.Services.Where(service => service.Label("component") == "function").Select(Overlay.AppId).ToList() ?? [];
            foreach (var component in documents.Where(component => Names.Users.ContainsKey(component.Name)))
            {
                var users = Names.Users[component.Name];
                var wanted = users.Contains(AppIds.Processor) ? users.Concat(functions) : users;
                var scopes = component.Root.Texts("scopes").ToList();
                report.Unless(scopes.Order().SequenceEqual(wanted.Order()), component, component.Root.Get("scopes"), $"its scopes are {string.Join(", ", scopes)}, and not {string.Join(", ", wanted)}");
            }

            foreach (var component in documents.Where(component => !component.Root.Texts("scopes").Any()))
            {
                report.Add(component, component.Root, "it has no scopes: every app of the namespace would load it");
            }
        }
    }

    private static void Secrets(Scene scene, Report report)
    {
        foreach (var (name, cluster, documents) in Sets(scene))
        {
            var there = cluster ? SecretsOf(scene.Overlays.Single(overlay => overlay.Name == name)) : [];
            foreach (var component in documents)
            {
                foreach (var entry in component.Spec.Items("metadata"))
                {
                    var key = entry.Text("name") ?? "";
                    var literal = entry.Text("value") is { Length: > 0 } && TypeOf(component) != "state.sqlite" && SecretWords.Any(word => key.Contains(word, StringComparison.OrdinalIgnoreCase));
                    report.Unless(!literal, component, entry, $"the secret '{key}' is written out");
                    if (entry.Get("secretKeyRef") is { } reference)
                    {
                        var secret = $"{reference.Text("name")}/{reference.Text("key")}";
                        report.Unless(!cluster || there.Contains(secret), component, reference, $"there is no Secret '{secret}'");
                        var store = documents.Find(other => other.Name == component.Root.Text("auth", "secretStore"));
                        report.Unless(cluster || (store is not null && !component.Root.Texts("scopes").Except(store.Root.Texts("scopes")).Any()), component, reference, "its secret store is not there for all its apps");
                    }
                }
            }
        }
    }

    /// <summary>The keys of the Secrets that an overlay makes, or has made.</summary>
    internal static HashSet<string> SecretsOf(Overlay overlay) =>
    [
        .. overlay.Of("Secret").SelectMany(secret => secret.Root.Fields("stringData").Select(entry => $"{secret.Name}/{entry.Key}")),
        .. overlay.Of("ExternalSecret").SelectMany(secret => secret.Spec.Items("data").Select(entry => $"{secret.Spec.Text("target", "name")}/{entry.Text("secretKey")}")),
    ];

    private static void Stores(Scene scene, Report report)
    {
        foreach (var (_, _, documents) in Sets(scene))
        {
            foreach (var store in documents.Where(component => Is(component, "state")))
            {
                report.Unless(Value(store, "keyPrefix") == "name", store, Setting(store, "keyPrefix") ?? store.Spec, "keyPrefix is not 'name': each app would see only what it has written itself");
                var actors = Value(store, "actorStateStore") == "true";
                report.Unless(actors == (store.Name == Components.EventLog), store, Setting(store, "actorStateStore") ?? store.Spec, actors ? "two stores are for actors" : "no store is for actors: Dapr hosts none");
                var can = Facts.DaprComponents.Texts($"{TypeOf(store)}/{store.Spec.Text("version")}", "can").ToList();
                report.Unless(can.Contains("etag"), store, store.Spec.Get("type"), "the store has no ETags");
                report.Unless(!actors || (can.Contains("actorStateStore") && can.Contains("transactional")), store, store.Spec.Get("type"), "the store has no transactions, and Dapr hosts no actors on such");
                report.Unless(Value(store, "outboxPublishPubsub") is null, store, Setting(store, "outboxPublishPubsub"), "Dapr's outbox is not used: it repeats and reorders");
            }
        }
    }

    private static void Brokers(Scene scene, Report report)
    {
        foreach (var broker in All(scene).Where(component => Is(component, "pubsub")))
        {
            var id = Value(broker, "consumerID");
            report.Unless(id?.Contains('{', StringComparison.Ordinal) != true, broker, Setting(broker, "consumerID"), "consumerID differs from replica to replica: each would get every message");
            switch (TypeOf(broker))
            {
                case "pubsub.redis":
                    report.Unless((Value(broker, "maxLenApprox") is null) != (Value(broker, "streamTTL") is null), broker, broker.Spec, "not just one of maxLenApprox and streamTTL: the stream grows for ever");
                    break;
                case "pubsub.rabbitmq":
                    report.Unless(Value(broker, "durable") == "true", broker, Setting(broker, "durable") ?? broker.Spec, "the queue is not durable");
                    report.Unless(Value(broker, "deletedWhenUnused") == "false", broker, Setting(broker, "deletedWhenUnused") ?? broker.Spec, "the queue goes with its last consumer");
                    report.Unless(broker.Name != Components.Events || (Value(broker, "deliveryMode"), Value(broker, "publisherConfirm")) == ("2", "true"), broker, broker.Spec, "events are neither confirmed nor kept on disk");
                    report.Unless(Value(broker, "requeueInFailure") != "true", broker, Setting(broker, "requeueInFailure"), "a message that fails would come back at once, for ever");
                    break;
                case "pubsub.kafka":
                    report.Unless(Value(broker, "consumeRetryEnabled") == "false", broker, Setting(broker, "consumeRetryEnabled") ?? broker.Spec, "a message that fails would block its partition");
                    break;
            }
        }
    }

    /// <summary>How long a broker waits for a message before it takes it for lost, and what it waits if nothing is said.</summary>
    private static readonly Dictionary<string, (string Setting, int Default)> Waits = new()
    {
        ["pubsub.redis"] = ("processingTimeout", 15),
        ["pubsub.jetstream"] = ("ackWait", 30),
        ["pubsub.aws.snssqs"] = ("messageVisibilityTimeout", 10),
    };

    private static void Patience(Scene scene, Report report)
    {
        foreach (var (name, cluster, documents) in Sets(scene))
        {
            var others = cluster ? scene.Overlays.Single(overlay => overlay.Name == name).Documents : scene.DocumentsUnder(name + "/");
            foreach (var broker in documents.Where(component => Waits.ContainsKey(TypeOf(component))))
            {
                var (setting, standard) = Waits[TypeOf(broker)];
                var retries = others.Where(document => document.IsDapr("Resiliency")).Select(document => document.Spec.Get("policies", "retries", document.Spec.Text("targets", "components", broker.Name, "inbound", "retry") ?? "")).FirstOrDefault(retry => retry is not null);
                var tries = (Seconds(retries.Text("duration")) ?? 0) * (retries.Number("maxRetries") ?? 0);
                var waits = Seconds(Value(broker, setting)) ?? standard;
                report.Unless(waits > tries, broker, Setting(broker, setting) ?? broker.Spec, $"'{setting}' is {waits} s, and all tries of the Resiliency together take {tries} s: the message would be delivered again meanwhile");
            }
        }
    }

    private static int? Seconds(string? text) => int.TryParse(text?.TrimEnd('s'), System.Globalization.CultureInfo.InvariantCulture, out var seconds) ? seconds : null;

    private static void Durables(Scene scene, Report report)
    {
        foreach (var broker in All(scene).Where(component => TypeOf(component) == "pubsub.jetstream"))
        {
            var topics = Code.Subscriptions(scene).Where(one => one.Component == broker.Name).Select(one => one.Topic).Distinct().Count();
            var durable = Setting(broker, "durableName");
            report.Unless(durable is null || topics <= 1, broker, durable, $"with durableName a component serves one topic, and the code subscribes to {topics} on '{broker.Name}'");
            report.Unless(durable is not null || Value(broker, "deliverPolicy") == "all" || broker.Name == Components.Wakeups, broker, broker.Spec, "with neither durableName nor deliverPolicy all, what comes while no replica runs is lost");
            report.Unless(durable is not null || Setting(broker, "queueGroupName") is null, broker, Setting(broker, "queueGroupName"), "a group without durableName is a group for each replica");
        }
    }

    /// <summary>An entry with a value has a comment on its line or above it; settings that only refer to a secret speak for themselves.</summary>
    private static void Reasons(Scene scene, Report report)
    {
        foreach (var file in scene.Under("components/").Concat(scene.Under("k8s/components/")))
        {
            var lines = scene.Files[file].Split('\n');
            for (var line = 1; line + 1 < lines.Length; line++)
            {
                if (lines[line].TrimStart().StartsWith("- name: ", StringComparison.Ordinal) && lines[line + 1].TrimStart().StartsWith("value:", StringComparison.Ordinal) && IsComponent(scene, file)
                    && !lines[line].Contains('#', StringComparison.Ordinal) && !lines[line - 1].TrimStart().StartsWith('#'))
                {
                    report.Add(file, line + 1, $"nothing says why '{lines[line].Split("name: ")[1]}' is set");
                }
            }
        }
    }

    private static bool IsComponent(Scene scene, string file) => scene.Files[file].Contains("kind: Component\nmetadata:", StringComparison.Ordinal)
        || scene.Files[file].Contains("type: state.", StringComparison.Ordinal) || scene.Files[file].Contains("type: pubsub.", StringComparison.Ordinal);
}
