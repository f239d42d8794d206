using System.Text.RegularExpressions;
using Deployment.Tests.Model;

namespace Deployment.Tests.Checks;

/// <summary>What the guides name is there.</summary>
internal static partial class DocumentChecks
{
    private static readonly string[] Guides = ["docs/run-on-kubernetes.md", "docs/components.md", "docs/user-events.md"];

    public static IEnumerable<Check> List =>
    [
        new(44, "The guides name folders, scripts and settings that there are", Paths),
        new(44, "The commands of the guides name namespaces, objects and ports that there are", Commands),
        new(44, "The links of the guides lead to headings that there are", Links),
        new(44, "The guide to components has a row for each set and no other", Sets),
    ];

    private static void Paths(Scene scene, Report report)
    {
        foreach (var guide in Guides)
        {
            var lines = scene.Files.GetValueOrDefault(guide, "").Split('\n');
            for (var line = 0; line < lines.Length; line++)
            {
                foreach (var path in Named().Matches(lines[line]).Select(match => match.Value.TrimEnd('/', '.')))
                {
                    if (!scene.Files.ContainsKey(path) && !scene.Under(path + "/", "").Any())
                    {
                        report.Add(guide, line + 1, $"there is no '{path}'");
                    }
                }
            }
        }
    }

    private static void Commands(Scene scene, Report report)
    {
        foreach (var (guide, number, line) in Guides.SelectMany(guide => scene.Files.GetValueOrDefault(guide, "").Split('\n').Select((line, index) => (guide, index + 1, line))))
        {
            foreach (Match command in Kubectl().Matches(line))
            {
                var space = Space().Match(command.Value) is { Success: true } found ? found.Groups[1].Value : null;
                var overlays = scene.Overlays.Where(overlay => space is null || overlay.Of("Namespace").Any(one => one.Name == space)).ToList();
                if (scene.Overlays.Count > 0 && space is not (null or "default") && overlays.Count == 0)
                {
                    report.Add(guide, number, $"no overlay has the namespace '{space}'");
                    continue;
                }

                if (space is null && Changes().IsMatch(command.Value))
                {
                    report.Add(guide, number, $"'{command.Value}' does not say in which namespace");
                }

                foreach (var (kind, name) in Objects().Matches(command.Value).Select(match => (match.Groups[1].Value, match.Groups[2].Value)).Where(_ => overlays.Count > 0))
                {
                    if (!overlays.Exists(overlay => kind == "secret"
                        ? ComponentChecks.SecretsOf(overlay).Any(secret => secret.StartsWith(name + "/", StringComparison.Ordinal))
                        : overlay.Documents.Any(document => document.Kind.Equals(kind, StringComparison.OrdinalIgnoreCase) && document.Name == name)))
                    {
                        report.Add(guide, number, $"there is no {kind} '{name}'");
                    }
                }

                foreach (Match forwarded in Forwarded().Matches(command.Value))
                {
                    var (kind, name, local, remote) = (forwarded.Groups[1].Value, forwarded.Groups[2].Value, forwarded.Groups[3].Value, forwarded.Groups[4].Value);
                    var offered = overlays.SelectMany(overlay => overlay.Documents).Where(document => document.Kind.Equals(kind, StringComparison.OrdinalIgnoreCase) && document.Name == name).SelectMany(document => kind == "service"
                        ? document.Spec.Items("ports").Select(port => port.Text("port"))
                        : Overlay.Containers(document).SelectMany(container => container.Items("ports")).Select(port => port.Text("containerPort")).Append(SidecarGrpc));
                    var app = scene.RunFile.Items("apps").FirstOrDefault(app => app.Text("appID") == name);
                    var wanted = remote == SidecarGrpc ? app.Text("daprGRPCPort") : app.Text("appPort");
                    if (overlays.Count > 0 && (!offered.Contains(remote) || (app is not null && local != wanted)))
                    {
                        report.Add(guide, number, $"'{forwarded.Value}': {name} has no port {remote}, or the run file another than {local} for it");
                    }
                }
            }
        }
    }

    private static void Links(Scene scene, Report report)
    {
        foreach (var guide in Guides)
        {
            var lines = scene.Files.GetValueOrDefault(guide, "").Split('\n');
            for (var line = 0; line < lines.Length; line++)
            {
                foreach (var target in Link().Matches(lines[line]).Select(match => match.Groups[1].Value).Where(target => !target.Contains("://", StringComparison.Ordinal)))
                {
                    var file = target.Split('#')[0] is { Length: > 0 } path ? Path.GetRelativePath("/", Path.GetFullPath(Path.Combine("/docs", path))) : guide;
                    var heading = target.Split('#').ElementAtOrDefault(1);
                    if (!scene.Files.TryGetValue(file, out var text) || (heading is not null && !text.Split('\n').Any(one => one.StartsWith('#') && Anchor(one) == heading)))
                    {
                        report.Add(guide, line + 1, $"'{target}' leads nowhere");
                    }
                }
            }
        }
    }

    private static string Anchor(string heading) => NotInAnchors().Replace(heading.Trim('#', ' ').ToLowerInvariant(), "").Replace(' ', '-');

    private static void Sets(Scene scene, Report report)
    {
        var rows = scene.Files.GetValueOrDefault("docs/components.md", "").Split('\n').Where(line => line.StartsWith("| `components/", StringComparison.Ordinal)).Select(line => line.Split('`')[1]).ToList();
        foreach (var missing in scene.Sets.Except(rows))
        {
            report.Add("docs/components.md", 1, $"it has no row for '{missing}'");
        }

        foreach (var unknown in rows.Except(scene.Sets))
        {
            report.AddAt("docs/components.md", $"| `{unknown}`", $"there is no '{unknown}'");
        }
    }

    // What the sidecar of a pod listens on for its own pod only.
    private const string SidecarGrpc = "50001";

    [GeneratedRegex(@"kubectl [^`|&)]*")]
    private static partial Regex Kubectl();

    [GeneratedRegex(@" -n ([a-z-]+)")]
    private static partial Regex Space();

    [GeneratedRegex(@" (scale|annotate|rollout|port-forward|delete|logs)\b.* \S")]
    private static partial Regex Changes();

    [GeneratedRegex(@"\b(deployment|scaledobject|service|secret)[/ ](accounts-[a-z-]+)")]
    private static partial Regex Objects();

    [GeneratedRegex(@"port-forward (deployment|service)/([a-z-]+) (\d+):(\d+)")]
    private static partial Regex Forwarded();

    [GeneratedRegex(@"\]\(([^)]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex("[^a-z0-9 _-]")]
    private static partial Regex NotInAnchors();

    [GeneratedRegex(@"(?<![\w./-])(k8s|components|configuration|tools|docs|services|libraries|tests)/[A-Za-z0-9./-]+")]
    private static partial Regex Named();
}
