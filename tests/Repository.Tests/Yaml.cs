using System.Globalization;
using System.Reflection;
using YamlDotNet.RepresentationModel;

namespace Repository.Tests;

/// <summary>Tracked YAML files, and the constants that they must agree with.</summary>
internal static class Yaml
{
    /// <summary>The documents of one file.</summary>
    public static IEnumerable<YamlMappingNode> Documents(string file)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(Tracked.Text(file)));
        return stream.Documents.Select(document => (YamlMappingNode)document.RootNode);
    }

    public static string Text(YamlNode node) => ((YamlScalarNode)node).Value!;

    public static IOrderedEnumerable<string> Constants(Type names) => names
        .GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => Convert.ToString(field.GetRawConstantValue(), CultureInfo.InvariantCulture)!)
        .Order(StringComparer.Ordinal);
}
