using System.Text.RegularExpressions;
using Deployment.Tests.Model;

namespace Deployment.Tests.Checks;

/// <summary>What the guides name is there.</summary>
internal static partial class DocumentChecks
{
    private static readonly string[] Guides = ["docs/run-on-kubernetes.md", "docs/components.md"];

    public static IEnumerable<Check> List =>
    [
        new(44, "The guides name folders, scripts and settings that there are", Paths),
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

    [GeneratedRegex(@"(?<![\w./-])(k8s|components|configuration)/[a-z0-9./-]+")]
    private static partial Regex Named();
}
