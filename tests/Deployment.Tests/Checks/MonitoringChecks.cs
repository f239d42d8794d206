using System.Text.Json;
using System.Text.RegularExpressions;
using Deployment.Tests.Model;

namespace Deployment.Tests.Checks;

/// <summary>Alerts and dashboard speak of metrics that there are.</summary>
internal static partial class MonitoringChecks
{
    private static readonly string[] Angular = ["graph", "singlestat", "table-old"];

    public static IEnumerable<Check> List =>
    [
        new(39, "What Prometheus asks has that port", Ports),
        new(39, "Every metric of an alert or a panel is measured", Metrics),
        new(39, "Every alert is explained in the guide", Runbooks),
    ];

    /// <summary>The metrics that a text names, without what Prometheus adds for histograms.</summary>
    internal static IEnumerable<string> Named(string expression) =>
        Metric().Matches(expression).Select(match => HistogramPart().Replace(match.Value, ""));

    private static void Ports(Scene scene, Report report)
    {
        foreach (var overlay in scene.Overlays)
        {
            foreach (var monitor in overlay.Of("PodMonitor"))
            {
                foreach (var port in monitor.Spec.Items("podMetricsEndpoints").Select(endpoint => endpoint.Get("port")))
                {
                    report.Unless(port.Text() == "dapr-metrics" || overlay.Workloads.Any(workload => Overlay.Containers(workload).SelectMany(container => container.Items("ports")).Any(offered => offered.Text("name") == port.Text())), monitor, port, $"no pod has the port '{port.Text()}'");
                }
            }
        }
    }

    private static void Metrics(Scene scene, Report report)
    {
        var known = Facts.Metrics.Union(OwnMetrics.Names).Select(name => HistogramPart().Replace(name, "")).ToHashSet();
        foreach (var document in scene.DocumentsUnder("k8s/components/prometheus/").Where(document => document.Kind == "PrometheusRule"))
        {
            foreach (var expression in document.Spec.Items("groups").SelectMany(group => group.Items("rules")).Select(rule => rule.Get("expr")!))
            {
                foreach (var unknown in Named(expression.Text()!).Where(name => !known.Contains(name)))
                {
                    report.Add(document, expression, $"nothing measures '{unknown}'");
                }
            }
        }

        const string Board = "k8s/components/grafana/accounts.json";
        using var board = JsonDocument.Parse(scene.Files.GetValueOrDefault(Board, "{\"panels\":[]}"));
        foreach (var panel in board.RootElement.GetProperty("panels").EnumerateArray())
        {
            var title = panel.GetProperty("title").GetString()!;
            if (Angular.Contains(panel.GetProperty("type").GetString()))
            {
                report.AddAt(Board, title, "Grafana no longer has panels of this type");
            }

            foreach (var unknown in panel.GetProperty("targets").EnumerateArray().SelectMany(target => Named(target.GetProperty("expr").GetString()!)).Where(name => !known.Contains(name)))
            {
                report.AddAt(Board, unknown, $"nothing measures '{unknown}'");
            }
        }
    }

    private static void Runbooks(Scene scene, Report report)
    {
        var headings = scene.Files.GetValueOrDefault("docs/run-on-kubernetes.md", "").Split('\n').Where(line => line.StartsWith('#')).Select(line => line.Trim('#', ' ').ToLowerInvariant().Replace(' ', '-')).ToHashSet();
        foreach (var document in scene.DocumentsUnder("k8s/components/prometheus/").Where(document => document.Kind == "PrometheusRule"))
        {
            foreach (var rule in document.Spec.Items("groups").SelectMany(group => group.Items("rules")))
            {
                var link = rule.Text("annotations", "runbook_url") ?? "";
                report.Unless(link == $"docs/run-on-kubernetes.md#{rule.Text("alert")!.ToLowerInvariant()}" && headings.Contains(link.Split('#')[1]), document, rule.Get("annotations") ?? rule, $"the guide does not explain {rule.Text("alert")}");
            }
        }
    }

    [GeneratedRegex(@"\b(accounts|dapr|kube|http_server|kestrel|dotnet)_[a-z0-9_]+")]
    private static partial Regex Metric();

    [GeneratedRegex("_(bucket|sum|count)$")]
    private static partial Regex HistogramPart();
}
