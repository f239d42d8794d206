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
            foreach (var service in overlay.Services)
            {
                var needed = Needed(overlay, service);
                var allowed = Rules(overlay, service, "egress", "to").ToList();
                foreach (var missing in needed.Where(one => !allowed.Exists(rule => rule.Port == one.Port && rule.Peer.StartsWith(one.Peer, StringComparison.Ordinal))))
                {
                    report.Add(service, service.Spec.Get("template", "metadata", "labels"), $"it cannot reach {(missing.Peer.Length > 0 ? missing.Peer : "its store")} at {missing.Port}");
                }

                foreach (var (peer, port, policy, node) in allowed.Where(rule => !needed.Exists(one => one.Port == rule.Port && rule.Peer.StartsWith(one.Peer, StringComparison.Ordinal)) && rule.Port != "5671"))
                {
                    report.Add(policy, node, $"{service.Name} has no business at {peer} {port}");
                }
            }

            foreach (var workload in overlay.Workloads.Except(overlay.Services))
            {
                foreach (var (peer, port, policy, node) in Rules(overlay, workload, "egress", "to"))
                {
                    report.Add(policy, node, $"{workload.Name} has no business at {peer} {port}");
                }
            }
        }
    }

    private static List<(string Peer, string Port)> Needed(Overlay overlay, Document service)
    {
        var app = Overlay.AppId(service);
        var components = overlay.Dapr("Component").Where(component => component.Root.Texts("scopes").Contains(app)).ToList();
        List<(string Peer, string Port)> needed =
            [(System, "53"), (ControlPlane + "sentry", "50001"), (ControlPlane + "operator", "6500"), (ControlPlane + "scheduler-server", "50006")];
        if (components.Exists(component => component.Spec.Items("metadata").Any(entry => entry.Text("name") == "actorStateStore")))
        {
            needed.AddRange([(ControlPlane + "placement-server", "50005"), ("pods/", "50002")]);
        }

        foreach (var component in components)
        {
            needed.Add(("", StorePorts.GetValueOrDefault(component.Spec.Text("type") ?? "", "no port is known for " + component.Spec.Text("type"))));
        }

        var settings = overlay.Of("ConfigMap").FirstOrDefault(map => map.Name == service.Name);
        if (settings?.Root.Text("data", "OTEL_EXPORTER_OTLP_ENDPOINT") is { } collector)
        {
            needed.Add(("pods/app.kubernetes.io/name=accounts-otel-collector", new Uri(collector).Port.ToString(global::System.Globalization.CultureInfo.InvariantCulture)));
        }

        return needed;
    }

    private static void Ingress(Scene scene, Report report)
    {
        foreach (var overlay in scene.Overlays)
        {
            foreach (var workload in overlay.Workloads)
            {
                var needed = Callers(overlay, workload);
                var allowed = Rules(overlay, workload, "ingress", "from").ToList();
                foreach (var missing in needed.Where(one => !allowed.Exists(rule => (rule.Peer, rule.Port) == one || (rule.Port == one.Port && one.Peer == "pods/" && rule.Peer.StartsWith("pods/", StringComparison.Ordinal)))))
                {
                    report.Add(workload, workload.Spec.Get("template", "metadata", "labels"), $"{missing.Peer} cannot reach it at {missing.Port}");
                }

                foreach (var (peer, port, policy, node) in allowed.Where(rule => !needed.Exists(one => one.Port == rule.Port && (one.Peer == rule.Peer || (one.Peer == "pods/" && rule.Peer.StartsWith("pods/", StringComparison.Ordinal))))))
                {
                    report.Add(policy, node, $"{peer} has no business at {workload.Name} {port}");
                }
            }
        }
    }

    private static List<(string Peer, string Port)> Callers(Overlay overlay, Document workload)
    {
        var component = workload.Label("component");
        var needed = new List<(string Peer, string Port)>();
        if (component is "command" or "processor" or "function")
        {
            needed.Add(("pods/", "50002"));
        }

        if (overlay.Of("HTTPRoute").SelectMany(route => route.Spec.Items("rules")).SelectMany(rule => rule.Items("backendRefs")).Any(backend => backend.Text("name") == workload.Name))
        {
            needed.Add(("gateway/", "8080"));
        }

        var asked = overlay.Of("PodMonitor").Where(monitor => Selects(monitor.Spec.Get("selector"), Overlay.Labels(workload))).SelectMany(monitor => monitor.Spec.Items("podMetricsEndpoints")).Select(endpoint => endpoint.Text("port"));
        needed.AddRange(asked.Select(port => ("monitoring/", port == "dapr-metrics" ? "9090" : Port(workload, port))));
        var offered = overlay.Of("Service").Where(service => component is "redis" or "postgres" or "otel-collector" && service.Name == workload.Name).SelectMany(service => service.Spec.Items("ports"));
        needed.AddRange(offered.Select(port => ("pods/", Port(workload, port.Text("targetPort")))));
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

    /// <summary>What the policies that select a pod allow: a peer as <c>namespace/label=value</c>, and a port.</summary>
    private static IEnumerable<(string Peer, string Port, Document Policy, YamlNode Node)> Rules(Overlay overlay, Document workload, string direction, string peers) => overlay.Of("NetworkPolicy")
        .Where(policy => Selects(policy.Spec.Get("podSelector"), Overlay.Labels(workload)))
        .SelectMany(policy => policy.Spec.Items(direction).SelectMany(rule => rule.Items(peers).SelectMany(peer => rule.Items("ports").Select(port =>
            (Describe(peer), port.Text("port") ?? "", policy, rule)))));

    private static string Describe(YamlNode peer)
    {
        var space = peer.Text("namespaceSelector", "matchLabels", "kubernetes.io/metadata.name");
        var pods = string.Join(",", peer.Map("podSelector", "matchLabels").Select(pair => $"{pair.Key}={pair.Value}"));
        return peer.Get("ipBlock") is not null ? "addresses/" + peer.Text("ipBlock", "cidr") : $"{(peer.Get("namespaceSelector") is null ? "pods" : space ?? "all")}/{pods}";
    }

    private static bool Selects(YamlNode? selector, Dictionary<string, string> labels) =>
        selector.Map("matchLabels").All(pair => labels.GetValueOrDefault(pair.Key) == pair.Value)
        && selector.Items("matchExpressions").All(expression => expression.Text("operator") == "In"
            && labels.TryGetValue(expression.Text("key") ?? "", out var value) && expression.Texts("values").Contains(value));
}
