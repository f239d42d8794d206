using System.Collections.Immutable;
using YamlDotNet.RepresentationModel;

namespace Deployment.Tests.Model;

/// <summary>Everything that the checks look at, in memory: files as they are, and what the overlays render.</summary>
internal sealed class Scene(ImmutableSortedDictionary<string, string> files, ImmutableList<Overlay> overlays)
{
    private readonly Dictionary<string, IReadOnlyList<Document>> _parsed = [];

    public ImmutableSortedDictionary<string, string> Files => files;

    /// <summary>None where there is no kubectl.</summary>
    public ImmutableList<Overlay> Overlays => overlays;

    public Scene With(ImmutableSortedDictionary<string, string>? changedFiles = null, ImmutableList<Overlay>? changedOverlays = null) =>
        new(changedFiles ?? files, changedOverlays ?? overlays);

    /// <summary>The YAML documents of a file; none when it is not there.</summary>
    public IReadOnlyList<Document> In(string file)
    {
        if (!_parsed.TryGetValue(file, out var documents))
        {
            documents = files.TryGetValue(file, out var text) ? [.. Nodes.Parse(text).Select(root => new Document(file, root))] : [];
            _parsed[file] = documents;
        }

        return documents;
    }

    /// <summary>The files under a folder that end so.</summary>
    public IEnumerable<string> Under(string folder, string ending = ".yaml") => files.Keys.Where(file =>
        file.StartsWith(folder, StringComparison.Ordinal) && file.EndsWith(ending, StringComparison.Ordinal));

    /// <summary>The documents of all YAML files under a folder.</summary>
    public IEnumerable<Document> DocumentsUnder(string folder) => Under(folder).SelectMany(In);

    /// <summary>The folders of <c>components/</c>.</summary>
    public IEnumerable<string> Sets => Under("components/").Select(file => file[..file.LastIndexOf('/')]).Distinct();

    public YamlNode? RunFile => In("dapr.yaml") is [var only, ..] ? only.Root : null;

    /// <summary>Where something is written: for what an overlay renders, where it comes from, as near as can be told.</summary>
    public (string File, long Line) Locate(Document document, YamlNode? node)
    {
        if (files.ContainsKey(document.Source))
        {
            return (document.Source, (node ?? document.Root).Start.Line);
        }

        var path = node is null ? [] : PathTo(document.Root, node) ?? [];
        var candidates = DocumentsUnder("k8s/").Where(raw => raw.Kind == document.Kind && IsPartOf(document.Source, raw.Source)
            && (raw.Name == document.Name || raw.Name == "any" || (raw.Name == "accounts-function" && document.Label("component") == "function")));
        var best = candidates.Select(raw => (raw, found: Deepest(raw.Root, path))).OrderByDescending(c => c.found.Depth).FirstOrDefault();
        return best.raw is null ? ($"k8s/overlays/{document.Source}/kustomization.yaml", 1) : (best.raw.Source, best.found.Line);
    }

    /// <summary>Whether an overlay, or a variation of one, has a part of <c>k8s/components</c>.</summary>
    private bool IsPartOf(string overlay, string file) => file.Split('/') is not ["k8s", "components", var part, ..] || part is "function" or "user-events"
        || files.GetValueOrDefault($"k8s/overlays/{(overlay.StartsWith("dev", StringComparison.Ordinal) ? "dev" : "production")}/kustomization.yaml", "").Contains($"- ../../components/{part}", StringComparison.Ordinal);

    private static (int Depth, long Line) Deepest(YamlNode node, List<string> path)
    {
        var depth = 0;
        while (depth < path.Count && node.Get(path[depth]) is { } next)
        {
            node = next;
            depth++;
        }

        return (depth, node.Start.Line);
    }

    private static List<string>? PathTo(YamlNode from, YamlNode to)
    {
        if (ReferenceEquals(from, to))
        {
            return [];
        }

        var steps = from is YamlSequenceNode items ? items.Select((item, index) => (index.ToString(System.Globalization.CultureInfo.InvariantCulture), item)) : from.Fields();
        foreach (var (step, value) in steps)
        {
            if (PathTo(value, to) is { } rest)
            {
                return [step, .. rest];
            }
        }

        return null;
    }
}
