using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Sidecar.Configuration;

/// <summary>Reads YAML files into sections.</summary>
internal static class YamlText
{
    /// <summary>
    /// All documents of a file that are mappings; empty ones are passed over. A file that cannot be read or is no YAML
    /// is one error, and gives nothing. <paramref name="change"/> is applied to the text before it is read.
    /// </summary>
    public static IReadOnlyList<Section> Read(string file, Findings findings, Func<string, string>? change = null)
    {
        try
        {
            var stream = new YamlStream();
            var text = File.ReadAllText(file);
            stream.Load(new StringReader(change is null ? text : change(text)));

            return [.. stream.Documents
                .Select(d => d.RootNode)
                .OfType<YamlMappingNode>()
                .Select(root => new Section(root, file, Path.GetFileName(file), findings))];
        }
        catch (YamlException e)
        {
            findings.Error(
                new Place(file, (int)e.Start.Line),
                Path.GetFileName(file),
                $"broken YAML: {e.Message.TrimEnd('.')}",
                "Correct the line (or the one before it): indentation by spaces, 'key: value', texts with ': ' or '#' in quotes.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            findings.Error(new Place(file, 0), Path.GetFileName(file), $"cannot be read: {e.Message.TrimEnd('.')}", "Check the path and its permissions.");
        }

        return [];
    }
}
