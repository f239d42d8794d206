using YamlDotNet.RepresentationModel;

namespace Deployment.Tests.Model;

/// <summary>A mistake that somebody might make, and what the checks should say to it.</summary>
/// <param name="Check">Number of the check that finds it.</param>
/// <param name="What">The mistake.</param>
/// <param name="Make">Makes it.</param>
/// <param name="Found">Part of the finding: file and message.</param>
internal sealed record Mutation(int Check, string What, Func<Scene, Scene> Make, string Found)
{
    /// <summary>One after the other.</summary>
    public static Func<Scene, Scene> Both(Func<Scene, Scene> first, Func<Scene, Scene> then) => scene => then(first(scene));

    /// <summary>Another text in a file.</summary>
    public static Func<Scene, Scene> Text(string file, string from, string to) => scene =>
    {
        var text = scene.Files[file];
        Assert.Contains(from, text, StringComparison.Ordinal);
        var at = text.IndexOf(from, StringComparison.Ordinal);
        return scene.With(scene.Files.SetItem(file, text[..at] + to + text[(at + from.Length)..]));
    };

    /// <summary>One more file.</summary>
    public static Func<Scene, Scene> NewFile(string file, string text) => scene => scene.With(scene.Files.Add(file, text));

    /// <summary>One file less.</summary>
    public static Func<Scene, Scene> NoFile(string file) => scene => scene.With(scene.Files.Remove(file));

    /// <summary>Another value in what an overlay renders; the path's steps are apart by blanks.</summary>
    /// <param name="id">Kind and name.</param>
    /// <param name="value">YAML; null takes the value away.</param>
    public static Func<Scene, Scene> Set(string overlay, string id, string path, string? value) => Edit(overlay, documents =>
    {
        var steps = path.Split(' ');
        var target = documents.Single(document => $"{document.Kind} {document.Name}" == id);
        var parent = target.Root.Get(steps.AsSpan()[..^1]);
        var node = value is null ? null : Value(value);
        switch (parent)
        {
            case YamlMappingNode fields when node is null:
                Assert.True(fields.Children.Remove(steps[^1]), $"{id} has no {path}");
                break;
            case YamlMappingNode fields:
                fields.Children[steps[^1]] = node;
                break;
            case YamlSequenceNode items when steps[^1] == "+":
                items.Add(node!);
                break;
            case YamlSequenceNode items:
                var index = items.Children.IndexOf(items.Get(steps[^1])!);
                items.Children.RemoveAt(index);
                if (node is not null)
                {
                    items.Children.Insert(index, node);
                }

                break;
            default:
                Assert.Fail($"{id} has no {path}");
                break;
        }

        return documents;
    });

    /// <summary>One document less in what an overlay renders.</summary>
    public static Func<Scene, Scene> Drop(string overlay, string id) => Edit(overlay, documents =>
    {
        var rest = documents.Where(document => $"{document.Kind} {document.Name}" != id).ToList();
        Assert.NotEqual(documents.Count, rest.Count);
        return rest;
    });

    /// <summary>One document more.</summary>
    public static Func<Scene, Scene> Add(string overlay, string yaml) => Edit(overlay, documents => [.. documents, new Document(overlay, Nodes.Parse(yaml).Single())]);

    private static Func<Scene, Scene> Edit(string overlay, Func<List<Document>, List<Document>> edit) => scene =>
    {
        var index = scene.Overlays.FindIndex(found => found.Name == overlay);

        // Documents are changed in place, so this takes copies.
        var copies = scene.Overlays[index].Documents.Select(document => document with { Root = (YamlMappingNode)Copy(document.Root) }).ToList();
        return scene.With(changedOverlays: scene.Overlays.SetItem(index, new Overlay(overlay, edit(copies))));
    };

    private static YamlNode Copy(YamlNode node) => node switch
    {
        YamlMappingNode fields => new YamlMappingNode(fields.Children.Select(child => KeyValuePair.Create(child.Key, Copy(child.Value)))),
        YamlSequenceNode items => new YamlSequenceNode(items.Select(Copy)),
        YamlScalarNode scalar => new YamlScalarNode(scalar.Value) { Style = scalar.Style },
        _ => node,
    };

    private static YamlNode Value(string yaml) => Nodes.Parse($"value: {yaml}").Single().Get("value")!;
}
