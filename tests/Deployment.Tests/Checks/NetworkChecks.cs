using Deployment.Tests.Model;
using YamlDotNet.RepresentationModel;

namespace Deployment.Tests.Checks;

/// <summary>What may talk to what: all that is needed and nothing else.</summary>
internal static class NetworkChecks
{
    private const string System = "kube-system/k8s-app=kube-dns";
    private const string ControlPlane = "dapr-system/app=dapr-";
    private static readonly Dictionary<string, string> StorePorts = new()
    {
        ["state.redis"] = "6379",
        ["pubsub.redis"] = "6379",
        ["state.postgresql"] = "5432",
        ["pubsub.rabbitmq"] = "5672",
    };

    public static IEnumerable<Check> List =>
    [
        new(30, "Nothing is allowed by default; every pod has policies, and every policy has pods", Defaults),
        new(31, "Pods reach what they need, at the ports of pods, and no more", Egress),
        new(32, "Pods are reached by whom they are for, and by nobody else", Ingress),
        new(33, "The namespace says which security standard it keeps, and the guide what that needs", Standards),
    ];

    private static void Defaults(Scene scene, Report report)
    {
        foreach (var overlay in scene.Overlays)
        {
            var policies = overlay.Of("NetworkPolicy").ToList();
            if (!policies.Exists(policy => !policy.Spec.Fields("podSelector").Any() && policy.Spec.Texts("policyTypes").Order().SequenceEqual(["Egress", "Ingress"])
                && !policy.Spec.Items("ingress").Any() && !policy.Spec.Items("egress").Any()))
            {
                report.Add("k8s/base/network.yaml", 1, $"nothing denies by default (in {overlay.Name})");
            }

            foreach (var policy in policies.Where(policy => policy.Spec.Fields("podSelector").Any()))
            {
                report.Unless(overlay.Workloads.Any(workload => Selects(policy.Spec.Get("podSelector"), Overlay.Labels(workload))), policy, policy.Spec.Get("podSelector"), "it selects no pod");
                foreach (var rule in policy.Spec.Items("ingress").Concat(policy.Spec.Items("egress")))
                {
                    var peers = rule.Items("from").Concat(rule.Items("to")).ToList();
                    report.Unless(peers.Count > 0 && rule.Items("ports").Any(), policy, rule, "it names no peers, or no ports, which means all");
                    foreach (var peer in peers)
                    {
                        report.Unless(peer.All().OfType<YamlMappingNode>().All(map => map.Children.Count > 0) && peer.Text("ipBlock", "cidr") != "0.0.0.0/0", policy, peer, "it allows everybody");
                        var ours = peer.Get("podSelector") is { } pods && peer.Get("namespaceSelector") is null ? pods : null;
                        report.Unless(ours is null || overlay.Workloads.Any(workload => Selects(ours, Overlay.Labels(workload))), policy, peer, "its peers are no pods that are there");
                    }
                }
            }

            foreach (var workload in overlay.Workloads)
            {
                report.Unless(policies.Exists(policy => policy.Spec.Fields("podSelector").Any() && Selects(policy.Spec.Get("podSelector"), Overlay.Labels(workload))), workload, workload.Spec.Get("template", "metadata", "labels"), "no policy of its own selects it");
            }
        }
    }

    private static void Egress(Scene scene, Report report)
    {
        foreach (var overlay in scene.Overlays)
        {
            foreach (var workload in overlay.Workloads)
            {
                var needed = overlay.Services.Contains(workload) ? Needed(overlay, workload) : [];
                var allowed = Rules(overlay, workload, "egress", "to").ToList();
                foreach (var missing in needed.Where(one => !one.Optional && !allowed.Exists(rule => one.Is(rule.Peer, rule.Port))))
                {
                    report.Add(workload, workload.Spec.Get("template", "metadata", "labels"), $"it cannot reach {missing.Name} at {missing.Port}");
                }

                foreach (var (peer, port, policy, node) in allowed.Where(rule => !needed.Exists(one => one.Is(rule.Peer, rule.Port))))
                {
                    report.Add(policy, node, $"{workload.Name} has no business at {peer} {port}");
                }
            }
        }
    }

    /// <summary>Somebody at a port.</summary>
    /// <param name="Optional">It may be allowed, and nothing is amiss without.</param>
    private sealed record Peer(string Name, string Port, bool Optional = false)
    {
        public bool Is(string name, string port) => port == Port && (Name == name || (Name == "addresses/" && name.StartsWith(Name, StringComparison.Ordinal)));
    }

    private static List<Peer> Needed(Overlay overlay, Document service)
    {
        var app = Overlay.AppId(service);
        var components = overlay.Dapr("Component").Where(component => component.Root.Texts("scopes").Contains(app)).ToList();
        List<Peer> needed = [new(System, "53"), new(ControlPlane + "sentry", "50001"), new(ControlPlane + "operator", "6500"), new(ControlPlane + "scheduler-server", "50006")];
        if (HostsActors(overlay, service))
        {
            needed.Add(new(ControlPlane + "placement-server", "50005"));
        }

        needed.AddRange(overlay.Services.Where(other => Calls(overlay, service, other)).Select(other => new Peer(Pod(other), "50002")));
        foreach (var component in components)
        {
            var type = component.Spec.Text("type") ?? "";
            var store = overlay.Workloads.FirstOrDefault(workload => workload.Label("component") == StoreOf(type));
            var port = StorePorts.GetValueOrDefault(type, "no port is known for " + type);
            needed.Add(new(store is null ? "addresses/" : Pod(store), port));
            needed.AddRange(type == "pubsub.rabbitmq" && store is null ? [new Peer("addresses/", "5671", Optional: true)] : []);
        }

        var settings = overlay.Of("ConfigMap").FirstOrDefault(map => map.Name == service.Name);
        if (settings?.Root.Text("data", "OTEL_EXPORTER_OTLP_ENDPOINT") is { } collector)
        {
            needed.Add(new(Pod("accounts-otel-collector"), new Uri(collector).Port.ToString(global::System.Globalization.CultureInfo.InvariantCulture)));
        }

        return needed;
    }

    private static string Pod(Document workload) => Pod(workload.Name);

    private static string Pod(string workload) => "pods/" + workload;

    private static string StoreOf(string type) => type.Split('.')[1] is "postgresql" ? "postgres" : type.Split('.')[1];

    private static bool HostsActors(Overlay overlay, Document service) => overlay.Dapr("Component").Any(component =>
        component.Root.Texts("scopes").Contains(Overlay.AppId(service)) && component.Spec.Items("metadata").Any(entry => entry.Text("name") == "actorStateStore"));

    /// <summary>From sidecar to sidecar: actors of its own app, and commands of policies.</summary>
    private static bool Calls(Overlay overlay, Document from, Document to) => HostsActors(overlay, from)
        && (from.Name == to.Name || (to.Label("component") == "command" && from.Label("component") is "processor" or "function"));

    private static void Ingress(Scene scene, Report report)
    {
        foreach (var overlay in scene.Overlays)
        {
            foreach (var workload in overlay.Workloads)
            {
                var needed = Callers(overlay, workload);
                var allowed = Rules(overlay, workload, "ingress", "from").ToList();
                foreach (var missing in needed.Where(one => !allowed.Exists(rule => one.Is(rule.Peer, rule.Port))))
                {
                    report.Add(workload, workload.Spec.Get("template", "metadata", "labels"), $"{missing.Name} cannot reach it at {missing.Port}");
                }

                foreach (var (peer, port, policy, node) in allowed.Where(rule => !needed.Exists(one => one.Is(rule.Peer, rule.Port))))
                {
                    report.Add(policy, node, $"{peer} has no business at {workload.Name} {port}");
                }
            }
        }
    }

    private static List<Peer> Callers(Overlay overlay, Document workload)
    {
        var component = workload.Label("component");
        List<Peer> needed = [.. overlay.Services.Where(other => overlay.Services.Contains(workload) && Calls(overlay, other, workload)).Select(other => new Peer(Pod(other), "50002"))];
        if (overlay.Of("HTTPRoute").SelectMany(route => route.Spec.Items("rules")).SelectMany(rule => rule.Items("backendRefs")).Any(backend => backend.Text("name") == workload.Name))
        {
            needed.Add(new("gateway/", "8080"));
        }

        var asked = overlay.Of("PodMonitor").Where(monitor => Selects(monitor.Spec.Get("selector"), Overlay.Labels(workload))).SelectMany(monitor => monitor.Spec.Items("podMetricsEndpoints")).Select(endpoint => endpoint.Text("port"));
        needed.AddRange(asked.Select(port => new Peer("monitoring/", port == "dapr-metrics" ? "9090" : Port(workload, port))));
        var users = component == "otel-collector" ? overlay.Services : overlay.Services.Where(service => overlay.Dapr("Component").Any(used => StoreOf(used.Spec.Text("type") ?? ".") == component && used.Root.Texts("scopes").Contains(Overlay.AppId(service))));
        var offered = overlay.Of("Service").Where(service => component is "redis" or "postgres" or "otel-collector" && service.Name == workload.Name).SelectMany(service => service.Spec.Items("ports")).ToList();
        needed.AddRange(users.SelectMany(user => offered.Select(port => new Peer(Pod(user), Port(workload, port.Text("targetPort"))))));
        return needed;
    }

    private static string Port(Document workload, string? name) =>
        Overlay.Containers(workload).SelectMany(container => container.Items("ports")).FirstOrDefault(port => port.Text("name") == name).Text("containerPort") ?? "?";

    private static void Standards(Scene scene, Report report)
    {
        foreach (var overlay in scene.Overlays)
        {
            var space = overlay.Of("Namespace").Single();
            var labels = space.Root.Map("metadata", "labels");
            foreach (var mode in new[] { "enforce", "warn", "audit" })
            {
                var standard = labels.GetValueOrDefault("pod-security.kubernetes.io/" + mode);
                report.Unless(standard is "restricted" || (mode == "enforce" && standard == "baseline"), space, space.Root.Get("metadata", "labels"), $"it does not {mode} a security standard");
                report.Unless(standard != "restricted" || mode != "enforce" || (Tells(scene, "docs/run-on-kubernetes.md") && Tells(scene, "k8s/preflight.sh")), space, space.Root.Get("metadata", "labels"), "neither guide nor preflight tells that Dapr must have been installed with sidecarDropALLCapabilities=true");
            }
        }
    }

    private static bool Tells(Scene scene, string file) => scene.Files.GetValueOrDefault(file, "").Contains("sidecarDropALLCapabilities", StringComparison.Ordinal);

    /// <summary>
    /// What the policies that select a pod allow: a peer and a port. A peer of the namespace is <c>pods/WORKLOAD</c>, one for each workload that is
    /// selected; others are <c>NAMESPACE/label=value</c> and <c>addresses/RANGE</c>.
    /// </summary>
    private static IEnumerable<(string Peer, string Port, Document Policy, YamlNode Node)> Rules(Overlay overlay, Document workload, string direction, string peers) => overlay.Of("NetworkPolicy")
        .Where(policy => Selects(policy.Spec.Get("podSelector"), Overlay.Labels(workload)))
        .SelectMany(policy => policy.Spec.Items(direction).SelectMany(rule => rule.Items(peers).SelectMany(peer => Described(overlay, peer)).SelectMany(peer => rule.Items("ports").Select(port =>
            (peer, port.Text("port") ?? "", policy, rule)))));

    private static IEnumerable<string> Described(Overlay overlay, YamlNode peer)
    {
        if (peer.Get("ipBlock") is not null)
        {
            return ["addresses/" + peer.Text("ipBlock", "cidr")];
        }

        if (peer.Get("namespaceSelector") is null)
        {
            return overlay.Workloads.Where(workload => Selects(peer.Get("podSelector"), Overlay.Labels(workload))).Select(Pod);
        }

        var space = peer.Map("namespaceSelector", "matchLabels") is { Count: 1 } labels && labels.TryGetValue("kubernetes.io/metadata.name", out var name) && peer.Get("namespaceSelector", "matchExpressions") is null ? name : "others";
        var pods = peer.Map("podSelector", "matchLabels").Select(pair => $"{pair.Key}={pair.Value}").Concat(peer.Items("podSelector", "matchExpressions").Select(expression => $"{expression.Text("key")} {expression.Text("operator")} {string.Join('|', expression.Texts("values"))}"));
        return [$"{space}/{string.Join(",", pods)}"];
    }

    private static bool Selects(YamlNode? selector, Dictionary<string, string> labels) =>
        selector.Map("matchLabels").All(pair => labels.GetValueOrDefault(pair.Key) == pair.Value)
        && selector.Items("matchExpressions").All(expression => (expression.Text("operator"), labels.GetValueOrDefault(expression.Text("key") ?? "")) switch
        {
            ("In", { } value) => expression.Texts("values").Contains(value),
            ("NotIn", var value) => value is null || !expression.Texts("values").Contains(value),
            ("Exists", var value) => value is not null,
            ("DoesNotExist", var value) => value is null,
            _ => false,
        });
}
