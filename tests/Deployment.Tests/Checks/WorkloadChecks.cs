using System.Globalization;
using System.Text.RegularExpressions;
using Deployment.Tests.Model;
using YamlDotNet.RepresentationModel;

namespace Deployment.Tests.Checks;

/// <summary>Annotations, images, selectors, shutdown: what a Deployment says of its pods.</summary>
internal static partial class WorkloadChecks
{
    private static readonly string[] RecommendedLabels = ["name", "instance", "component", "part-of", "managed-by", "version"];

    public static IEnumerable<Check> List =>
    [
        new(16, "Dapr's annotations are on the pods, are texts, and Dapr knows them", Annotations),
        new(17, "The sidecar finds its app and its configuration", Wiring),
        new(20, "A pod has the time to stop as it should", Shutdown),
        new(21, "App and sidecar have a share and a bound", Resources),
        new(23, "Every workload has an account of its own that may do nothing", Accounts),
        new(24, "Images have a version, and in production a digest", Images),
        new(25, "Selectors find their pods; everything is labelled and in a namespace of its own", Selectors),
        new(26, "Every service has a disruption budget that finds its pods and lets them be moved", Disruptions),
        new(27, "Replicas are spread over zones and nodes, and none is taken away before the next is there", Spread),
    ];

    private static IEnumerable<(Overlay Overlay, Document Workload)> Workloads(Scene scene) => scene.Overlays.SelectMany(overlay => overlay.Workloads.Select(workload => (overlay, workload)));

    private static YamlNode? Annotation(Document workload, string name) => workload.Spec.Get("template", "metadata", "annotations", "dapr.io/" + name);

    private static int Seconds(string? text) => int.TryParse(text?.TrimEnd('s'), CultureInfo.InvariantCulture, out var seconds) ? seconds : -1;

    private static void Annotations(Scene scene, Report report)
    {
        foreach (var document in scene.Overlays.SelectMany(overlay => overlay.Documents))
        {
            foreach (var (key, value) in document.Root.Fields("metadata", "annotations").Where(field => field.Key.StartsWith("dapr.io", StringComparison.Ordinal)))
            {
                report.Add(document, value, $"'{key}' is not on the pod template: Dapr does not see it there");
            }

            foreach (var (key, value) in document.Spec.Fields("template", "metadata", "annotations"))
            {
                report.Unless(!key.StartsWith("dapr", StringComparison.Ordinal) || Facts.DaprAnnotations.Contains(key), document, value, $"Dapr knows no annotation '{key}'");
                report.Unless(!value.LooksLikeNoText(), document, value, $"the value of '{key}' is not quoted");
            }
        }
    }

    private static void Wiring(Scene scene, Report report)
    {
        foreach (var (overlay, service) in Workloads(scene).Where(found => found.Overlay.Services.Contains(found.Workload)))
        {
            var ports = Overlay.Containers(service).SelectMany(container => container.Items("ports")).Select(port => port.Text("containerPort"));
            report.Unless(Annotation(service, "app-port").Text() == "8080" && ports.Contains("8080"), service, Annotation(service, "app-port") ?? service.Spec, "app-port is no port of the container, or not 8080");
            report.Unless(overlay.Dapr("Configuration").Any(configuration => configuration.Name == Annotation(service, "config").Text()), service, Annotation(service, "config") ?? service.Spec, $"there is no Configuration '{Annotation(service, "config").Text()}'");
            var settings = Overlay.Containers(service).SelectMany(container => container.Items("envFrom")).Select(from => overlay.Of("ConfigMap").FirstOrDefault(map => map.Name == from.Text("configMapRef", "name"))).OfType<Document>().ToList();
            report.Unless(settings.Exists(map => map.Root.Text("data", "APP_ID") == Overlay.AppId(service)), service, Annotation(service, "app-id"), "APP_ID in its settings is another app");
            report.Unless(settings.Exists(map => map.Root.Text("data", "ASPNETCORE_HTTP_PORTS") == "8080"), service, service.Spec, "the service does not listen on 8080");
            report.Unless(overlay.Of("Service").Where(found => found.Spec.Text("selector", "app.kubernetes.io/name") == service.Name).All(found => found.Spec.Items("ports").All(port => port.Text("targetPort") == "http")), service, null, "its Service leads to another port");
        }
    }

    private static void Shutdown(Scene scene, Report report)
    {
        var timeout = Code.ShutdownTimeout(scene);
        foreach (var (_, service) in Workloads(scene).Where(found => found.Overlay.Services.Contains(found.Workload)))
        {
            var (block, graceful) = (Seconds(Annotation(service, "block-shutdown-duration").Text()), Seconds(Annotation(service, "graceful-shutdown-seconds").Text()));
            var wait = Overlay.Containers(service).Select(container => container.Number("lifecycle", "preStop", "sleep", "seconds")).FirstOrDefault() ?? -1;
            var grace = Overlay.Pod(service).Number("terminationGracePeriodSeconds") ?? 0;
            report.Unless(block > 0 && graceful > 0 && wait > 0, service, Annotation(service, "block-shutdown-duration") ?? service.Spec, "block-shutdown-duration, graceful-shutdown-seconds and preStop are not all set");
            var needed = wait + Math.Max(timeout, block) + graceful + 5;
            report.Unless(grace >= needed, service, Overlay.Pod(service).Get("terminationGracePeriodSeconds") ?? service.Spec, $"terminationGracePeriodSeconds is {grace}, and {needed} are needed");
            report.Unless(block >= wait + timeout, service, Annotation(service, "block-shutdown-duration"), $"the sidecar may go before the service has stopped, which takes up to {wait + timeout} s");
        }
    }

    private static void Resources(Scene scene, Report report)
    {
        foreach (var (overlay, workload) in Workloads(scene))
        {
            foreach (var container in Overlay.Containers(workload))
            {
                report.Unless(container.Text("resources", "requests", "cpu") is not null && container.Text("resources", "requests", "memory") is not null && container.Text("resources", "limits", "memory") is not null, workload, container.Get("resources") ?? container, "the container has no requests for processor and memory, or no limit for memory");
            }

            if (!overlay.Services.Contains(workload))
            {
                continue;
            }

            foreach (var name in new[] { "sidecar-cpu-request", "sidecar-cpu-limit", "sidecar-memory-request", "sidecar-memory-limit" })
            {
                report.Unless(Annotation(workload, name) is not null, workload, workload.Spec.Get("template", "metadata", "annotations"), $"the sidecar has no {name}");
            }

            var limit = Mebibytes(Annotation(workload, "sidecar-memory-limit").Text());
            var soft = Mebibytes(Annotation(workload, "env").Text()?.Split("GOMEMLIMIT=").ElementAtOrDefault(1)?.Split(',')[0]);
            report.Unless(soft >= limit * 0.85 && soft <= limit * 0.95, workload, Annotation(workload, "env") ?? workload.Spec, $"GOMEMLIMIT is {soft} MiB, which is not about 90 % of {limit} MiB");
        }
    }

    private static double Mebibytes(string? text) => Size().Match(text ?? "") is { Success: true } match
        ? double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) * (match.Groups[2].Value == "Gi" ? 1024 : 1)
        : 0;

    private static void Accounts(Scene scene, Report report)
    {
        foreach (var (overlay, workload) in Workloads(scene))
        {
            var account = overlay.Of("ServiceAccount").FirstOrDefault(found => found.Name == Overlay.Pod(workload).Text("serviceAccountName"));
            report.Unless(account?.Name == workload.Name, workload, Overlay.Pod(workload).Get("serviceAccountName") ?? workload.Spec, "it has no ServiceAccount of its own");
            report.Unless(account is null || account.Root.Text("automountServiceAccountToken") == "false", account ?? workload, null, "its token is mounted");
            report.Unless(Overlay.Pod(workload).Text("automountServiceAccountToken") == "false", workload, Overlay.Pod(workload).Get("automountServiceAccountToken") ?? workload.Spec, "the account's token is mounted");
        }

        foreach (var role in scene.Overlays.SelectMany(overlay => overlay.Documents).Where(document => document.Kind is "Role" or "ClusterRole"))
        {
            report.Unless(!role.Root.Items("rules").SelectMany(rule => rule.All()).Any(value => value.Text() == "*"), role, role.Root.Get("rules"), "it has a wildcard");
        }
    }

    private static void Images(Scene scene, Report report)
    {
        foreach (var (overlay, workload) in Workloads(scene))
        {
            foreach (var container in Overlay.Containers(workload))
            {
                var image = container.Text("image") ?? "";
                var ours = overlay.Services.Contains(workload);
                var digest = Digest().IsMatch(image);
                report.Unless(digest || (Tag().Match(image) is { Success: true } tag && tag.Groups[1].Value != "latest"), workload, container.Get("image"), $"'{image}' has no version");
                report.Unless(!ours || digest || Tag().Match(image).Groups[1].Value == Code.Version(scene), workload, container.Get("image"), $"'{image}' is not of the version {Code.Version(scene)} that services/Directory.Build.props makes");
                report.Unless(!ours || digest || overlay.Name.StartsWith("dev", StringComparison.Ordinal), workload, container.Get("image"), $"'{image}' has no digest: a tag can be moved");
                report.Unless(container.Text("imagePullPolicy") == "IfNotPresent", workload, container.Get("imagePullPolicy") ?? container, "what has a version need not be pulled again");
            }
        }
    }

    private static void Selectors(Scene scene, Report report)
    {
        var version = Code.Version(scene);
        foreach (var overlay in scene.Overlays)
        {
            var space = overlay.Of("Namespace").SingleOrDefault()?.Name;
            foreach (var document in overlay.Documents)
            {
                foreach (var label in RecommendedLabels.Where(label => document.Label(label).Length == 0))
                {
                    report.Add(document, document.Root.Get("metadata", "labels") ?? document.Root, $"it has no label app.kubernetes.io/{label}");
                }

                report.Unless(document.Label("version") is "" || document.Label("version") == version, document, document.Root.Get("metadata", "labels"), $"its label says version {document.Label("version")}, and services/Directory.Build.props {version}");

                var there = document.Root.Text("metadata", "namespace");
                report.Unless(document.Kind == "Namespace" || (there == space && space != "default"), document, document.Root.Get("metadata", "namespace") ?? document.Root, $"it is in the namespace '{there}'");
            }

            foreach (var workload in overlay.Workloads)
            {
                var labels = Overlay.Labels(workload);
                report.Unless(workload.Spec.Map("selector", "matchLabels") is { Count: > 0 } selector && selector.All(pair => labels.GetValueOrDefault(pair.Key) == pair.Value), workload, workload.Spec.Get("selector"), "its selector does not find its pods");

                // The version is ours: on the pods of a database it would be wrong, and start them anew with each release.
                var ours = overlay.Services.Contains(workload);
                foreach (var label in RecommendedLabels.Where(label => (ours || label != "version") && !labels.ContainsKey("app.kubernetes.io/" + label)))
                {
                    report.Add(workload, workload.Spec.Get("template", "metadata"), $"its pods have no label app.kubernetes.io/{label}");
                }

                report.Unless(!ours || labels.GetValueOrDefault("app.kubernetes.io/version", version) == version, workload, workload.Spec.Get("template", "metadata", "labels"), $"the label of its pods says another version than {version}");
            }

            foreach (var service in overlay.Of("Service"))
            {
                report.Unless(service.Spec.Text("type") == "ClusterIP", service, service.Spec.Get("type"), "it opens the service to the outside");
                report.Unless(overlay.Workloads.Any(workload => service.Spec.Map("selector").All(pair => Overlay.Labels(workload).GetValueOrDefault(pair.Key) == pair.Value)
                    && service.Spec.Items("ports").All(port => Overlay.Containers(workload).SelectMany(container => container.Items("ports")).Any(offered => offered.Text("name") == port.Text("targetPort")))), service, service.Spec, "it leads to no pod, or to no port of it");
            }
        }
    }

    private static void Disruptions(Scene scene, Report report)
    {
        foreach (var overlay in scene.Overlays)
        {
            foreach (var service in overlay.Services)
            {
                var budgets = overlay.Of("PodDisruptionBudget").Where(budget => budget.Spec.Map("selector", "matchLabels").All(pair => Overlay.Labels(service).GetValueOrDefault(pair.Key) == pair.Value)).ToList();
                report.Unless(budgets.Count == 1, service, null, $"{budgets.Count} disruption budgets find its pods");
            }

            foreach (var budget in overlay.Of("PodDisruptionBudget"))
            {
                report.Unless(budget.Spec.Number("maxUnavailable") >= 1, budget, budget.Spec.Get("maxUnavailable") ?? budget.Spec, "it lets no pod be moved");
                report.Unless(budget.Spec.Text("unhealthyPodEvictionPolicy") == "AlwaysAllow", budget, budget.Spec, "a pod that is ill anyway would hold up its node");
                report.Unless(overlay.Services.Any(service => budget.Spec.Map("selector", "matchLabels").All(pair => Overlay.Labels(service).GetValueOrDefault(pair.Key) == pair.Value)), budget, budget.Spec.Get("selector"), "it finds no pod");
            }
        }
    }

    private static void Spread(Scene scene, Report report)
    {
        foreach (var (_, service) in Workloads(scene).Where(found => found.Overlay.Services.Contains(found.Workload)))
        {
            var spread = Overlay.Pod(service).Items("topologySpreadConstraints").ToList();
            foreach (var key in new[] { "topology.kubernetes.io/zone", "kubernetes.io/hostname" })
            {
                report.Unless(spread.Exists(one => one.Text("topologyKey") == key && one.Map("labelSelector", "matchLabels") is { Count: > 0 } labels
                    && labels.All(pair => Overlay.Labels(service).GetValueOrDefault(pair.Key) == pair.Value) && one.Texts("matchLabelKeys").Contains("app.kubernetes.io/name")), service, Overlay.Pod(service).Get("topologySpreadConstraints") ?? service.Spec, $"its pods are not spread by {key}");
            }

            report.Unless(service.Spec.Text("strategy", "rollingUpdate", "maxUnavailable") == "0", service, service.Spec.Get("strategy") ?? service.Spec, "a replica goes before the next one is there");
        }
    }

    [GeneratedRegex(@"^(\d+)(Mi|Gi)B?$")]
    private static partial Regex Size();

    [GeneratedRegex("@sha256:[0-9a-f]{64}$")]
    private static partial Regex Digest();

    [GeneratedRegex("[^/]:([^/:@]+)$")]
    private static partial Regex Tag();
}
