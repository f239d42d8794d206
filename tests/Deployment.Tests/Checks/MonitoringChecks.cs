using System.Text.Json;
using System.Text.RegularExpressions;
using Deployment.Tests.Model;

namespace Deployment.Tests.Checks;

/// <summary>Alerts and dashboard speak of metrics that there are.</summary>
internal static partial class MonitoringChecks
{
    private const string Board = "k8s/components/grafana/accounts.json";
    private static readonly string[] Angular = ["graph", "singlestat", "table-old"];

    public static IEnumerable<Check> List =>
    [
        new(39, "What Prometheus asks has that port", Ports),
        new(39, "Every metric of an alert or a panel is measured", Metrics),
        new(39, "Every alert is explained in the guide", Runbooks),
        new(39, "What alerts and panels ask our metrics for by label is what the code says", Labels),
        new(39, "Every alert says in which namespace", Namespaces),
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

    private static IEnumerable<(string File, string Where, string Expression)> Expressions(Scene scene)
    {
        foreach (var document in scene.DocumentsUnder("k8s/components/prometheus/").Where(document => document.Kind == "PrometheusRule"))
        {
            foreach (var rule in document.Spec.Items("groups").SelectMany(group => group.Items("rules")))
            {
                yield return (document.Source, "alert: " + rule.Text("alert"), rule.Text("expr")!);
            }
        }

        using var board = JsonDocument.Parse(scene.Files.GetValueOrDefault(Board, "{\"panels\":[]}"));
        foreach (var panel in board.RootElement.GetProperty("panels").EnumerateArray())
        {
            foreach (var target in panel.GetProperty("targets").EnumerateArray())
            {
                yield return (Board, panel.GetProperty("title").GetString()!, target.GetProperty("expr").GetString()!);
            }
        }
    }

    private static void Labels(Scene scene, Report report)
    {
        foreach (var (file, where, expression) in Expressions(scene))
        {
            var matchers = OwnSelector().Matches(expression).SelectMany(selector => Matcher().Matches(selector.Groups[1].Value)).ToList();
            foreach (var unknown in matchers.Select(matcher => matcher.Groups[1].Value).Concat(matchers.SelectMany(matcher => matcher.Groups[2].Value.Split('|'))).Where(text => !Code.Says(scene, text)))
            {
                report.AddAt(file, where, $"no metric of ours has '{unknown}'");
            }

            if (Named(expression).All(metric => metric.StartsWith("accounts_", StringComparison.Ordinal)))
            {
                foreach (var unknown in Grouping().Matches(expression).SelectMany(match => match.Groups[2].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)).Where(label => label is not ("namespace" or "le") && !Code.Says(scene, label)))
                {
                    report.AddAt(file, where, $"no metric of ours has '{unknown}'");
                }
            }
        }
    }

    private static void Namespaces(Scene scene, Report report)
    {
        foreach (var (file, where, expression) in Expressions(scene).Where(found => found.File != Board))
        {
            if (Grouping().Matches(expression).Any(match => !match.Groups[2].Value.Contains("namespace", StringComparison.Ordinal)) || expression.Contains("absent(", StringComparison.Ordinal))
            {
                report.AddAt(file, where, "it adds up the namespaces: staging would wake whoever looks after production");
            }
        }
    }

    // An aggregation, and by what.
    [GeneratedRegex(@"\b(?:sum|max|min|avg|count)\b(\s+by\s*\(([^)]*)\))?\s*\(")]
    private static partial Regex Grouping();

    [GeneratedRegex(@"\baccounts_\w+\{([^}]*)\}")]
    private static partial Regex OwnSelector();

    [GeneratedRegex(@"(\w+)\s*[=!][=~]?\s*""([^""]*)""")]
    private static partial Regex Matcher();

    [GeneratedRegex(@"\b(accounts|dapr|kube|http_server|kestrel|dotnet)_[a-z0-9_]+")]
    private static partial Regex Metric();

    [GeneratedRegex("_(bucket|sum|count)$")]
    private static partial Regex HistogramPart();
}
