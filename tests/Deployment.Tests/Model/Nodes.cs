using System.Globalization;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Deployment.Tests.Model;

/// <summary>Ways into YAML that answer null or nothing where there is nothing.</summary>
internal static class Nodes
{
    public static YamlNode? Get(this YamlNode? node, params ReadOnlySpan<string> path)
    {
        foreach (var step in path)
        {
            node = node switch
            {
                YamlMappingNode fields => fields.Children.TryGetValue(step, out var value) ? value : null,
                YamlSequenceNode items when int.TryParse(step, CultureInfo.InvariantCulture, out var index) => items.Children.ElementAtOrDefault(index),
                YamlSequenceNode items when step.Split('=') is [var key, var value] => items.FirstOrDefault(item => item.Text(key) == value),
                _ => null,
            };
        }

        return node;
    }

    public static string? Text(this YamlNode? node, params ReadOnlySpan<string> path) => (node.Get(path) as YamlScalarNode)?.Value;

    public static int? Number(this YamlNode? node, params ReadOnlySpan<string> path) =>
        int.TryParse(node.Text(path), CultureInfo.InvariantCulture, out var number) ? number : null;

    public static IEnumerable<YamlNode> Items(this YamlNode? node, params ReadOnlySpan<string> path) =>
        node.Get(path) is YamlSequenceNode items ? items.Children : [];

    public static IEnumerable<string> Texts(this YamlNode? node, params ReadOnlySpan<string> path) =>
        node.Items(path).Select(item => item.Text() ?? "");

    public static IEnumerable<(string Key, YamlNode Value)> Fields(this YamlNode? node, params ReadOnlySpan<string> path) =>
        node.Get(path) is YamlMappingNode fields ? fields.Children.Select(child => (((YamlScalarNode)child.Key).Value!, child.Value)) : [];

    public static Dictionary<string, string> Map(this YamlNode? node, params ReadOnlySpan<string> path) =>
        node.Fields(path).ToDictionary(field => field.Key, field => field.Value.Text() ?? "");

    /// <summary>All values under a node, the node included.</summary>
    public static IEnumerable<YamlNode> All(this YamlNode node) => node switch
    {
        YamlMappingNode fields => fields.Children.Values.SelectMany(All).Prepend(node),
        YamlSequenceNode items => items.SelectMany(All).Prepend(node),
        _ => [node],
    };

    /// <summary>Whether YAML takes a value for a text because it is quoted.</summary>
    public static bool IsQuoted(this YamlNode node) => node is YamlScalarNode { Style: ScalarStyle.SingleQuoted or ScalarStyle.DoubleQuoted or ScalarStyle.Literal or ScalarStyle.Folded };

    /// <summary>Whether a value that is not quoted would be a number, a truth value or nothing.</summary>
    public static bool LooksLikeNoText(this YamlNode node) => node is YamlScalarNode { Value: var value } && !node.IsQuoted()
        && (value is null or "" or "~" or "null" or "true" or "false" || double.TryParse(value, CultureInfo.InvariantCulture, out _));

    public static IReadOnlyList<YamlMappingNode> Parse(string text)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        return [.. stream.Documents.Select(document => document.RootNode).OfType<YamlMappingNode>()];
    }
}
