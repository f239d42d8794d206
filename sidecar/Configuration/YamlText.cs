using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Sidecar.Configuration;

/// <summary>Reads YAML files into sections.</summary>
internal static class YamlText
{
    /// <summary>
    /// All documents of a file that are mappings; empty ones are passed over. A file that cannot be read or is no YAML
    /// is one error, and gives nothing.
    /// </summary>
    public static IReadOnlyList<Section> Read(string file, Findings findings)
    {
        try
        {
            var stream = new YamlStream();
            using (var reader = new StreamReader(file))
            {
                stream.Load(reader);
            }

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
