using System.Text.RegularExpressions;
using Deployment.Tests.Model;

namespace Deployment.Tests.Checks;

/// <summary>The run file, and that Kubernetes runs the same.</summary>
internal static partial class DeskChecks
{
    private static readonly string[] Ports = ["appPort", "daprHTTPPort", "daprGRPCPort", "daprInternalGRPCPort", "metricsPort"];

    public static IEnumerable<Check> List =>
    [
        new(14, "Every port of the run file is set, is another, and is the one that everything else names", PortsAgree),
        new(15, "The run file, Kubernetes and the projects have the same apps", AppsAgree),
        new(19, "A sidecar probes its app the same way on a desk and in Kubernetes, at a path that asks nothing else", ProbesAgree),
    ];

    private static void PortsAgree(Scene scene, Report report)
    {
        var document = scene.In("dapr.yaml").Single();
        var apps = document.Root.Items("apps").ToList();
        var ports = apps.SelectMany(app => Ports.Select(port => app.Get(port))).ToList();
        foreach (var twice in ports.Where(port => port is not null).GroupBy(port => port.Text()).Where(group => group.Count() > 1))
        {
            report.Add(document, twice.Last(), $"port {twice.Key} is given twice");
        }

        foreach (var app in apps)
        {
            report.Unless(app.Text("env", "ASPNETCORE_URLS") == $"http://localhost:{app.Text("appPort")}", document, app.Get("env", "ASPNETCORE_URLS") ?? app, $"{app.Text("appID")} does not listen on its appPort");
        }

        var known = apps.Select(app => app.Text("appPort")).Concat(apps.Select(app => app.Text("daprHTTPPort"))).ToHashSet();
        foreach (var file in new[] { "README.md", "requests/accounts.http", "dapr.yaml" })
        {
            var lines = scene.Files.GetValueOrDefault(file, "").Split('\n');
            for (var line = 0; line < lines.Length; line++)
            {
                foreach (var port in Local().Matches(lines[line]).Select(match => match.Groups[1].Value).Where(port => !known.Contains(port)))
                {
                    report.Add(file, line + 1, $"no app listens on port {port}");
                }
            }
        }
    }

    private static void AppsAgree(Scene scene, Report report)
    {
        var document = scene.In("dapr.yaml").Single();
        var desk = document.Root.Items("apps").ToDictionary(app => app.Text("appID") ?? "", app => app.Get("appID"));
        var projects = scene.Under("services/", ".csproj").Select(file => Path.GetFileNameWithoutExtension(file).ToLowerInvariant().Replace('.', '-')).ToHashSet();
        foreach (var (id, node) in desk)
        {
            report.Unless(projects.Contains(id), document, node, $"no project is '{id}'");
            report.Unless(Names.Apps.Contains(id), document, node, $"no code names the app '{id}'");
        }

        foreach (var missing in Names.Apps.Where(id => !desk.ContainsKey(id)))
        {
            report.Add(document, document.Root.Get("apps"), $"'{missing}' is not started");
        }

        foreach (var overlay in scene.Overlays)
        {
            var there = overlay.Services.Where(service => service.Label("component") != "function").ToDictionary(Overlay.AppId, service => service);
            foreach (var missing in Names.Apps.Where(id => !there.ContainsKey(id)))
            {
                report.Add($"k8s/overlays/{overlay.Name}/kustomization.yaml", 1, $"'{missing}' is not deployed");
            }

            foreach (var (id, service) in there)
            {
                report.Unless(desk.ContainsKey(id) && id == service.Name, service, service.Spec.Get("template", "metadata", "annotations", "dapr.io/app-id"), $"the app id '{id}' is not that of the run file and of the Deployment");
            }
        }
    }

    private static void ProbesAgree(Scene scene, Report report)
    {
        (string Desk, string Annotation)[] same =
        [
            ("enableAppHealthCheck", "dapr.io/enable-app-health-check"), ("appHealthCheckPath", "dapr.io/app-health-check-path"),
            ("appHealthProbeInterval", "dapr.io/app-health-probe-interval"), ("appHealthProbeTimeout", "dapr.io/app-health-probe-timeout"),
            ("appHealthThreshold", "dapr.io/app-health-threshold"),
        ];
        foreach (var service in scene.Overlays.SelectMany(overlay => overlay.Services))
        {
            foreach (var (desk, annotation) in same)
            {
                var value = Overlay.Annotations(service).GetValueOrDefault(annotation);
                report.Unless(value is not null && value == scene.RunFile.Text("common", desk), service, service.Spec.Get("template", "metadata", "annotations", annotation), $"{annotation} is '{value}', and {desk} in dapr.yaml '{scene.RunFile.Text("common", desk)}'");
            }

            report.Unless(Overlay.Annotations(service).GetValueOrDefault("dapr.io/app-health-check-path") == "/healthz/open", service, service.Spec.Get("template", "metadata", "annotations", "dapr.io/app-health-check-path"), "the sidecar would ask for a path that asks the sidecar");
        }
    }

    [GeneratedRegex(@"localhost:(\d+)")]
    private static partial Regex Local();
}
