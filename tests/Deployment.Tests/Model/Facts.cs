using System.Collections.Immutable;
using TestSupport;
using YamlDotNet.RepresentationModel;

namespace Deployment.Tests.Model;

/// <summary>What the folder <c>facts</c> tells of others.</summary>
internal static class Facts
{
    private static readonly string Folder = Path.Combine(Repository.Root, "tests", "Deployment.Tests", "facts");

    /// <summary>Dapr's schemas, by <c>apiVersion kind</c>.</summary>
    public static ImmutableDictionary<string, YamlNode> DaprSchemas { get; } = Directory.EnumerateFiles(Path.Combine(Folder, "dapr-crds"), "*.yaml")
        .SelectMany(file => Nodes.Parse(File.ReadAllText(file)))
        .SelectMany(crd => crd.Items("spec", "versions").Select(version => (
            Key: $"{crd.Text("spec", "group")}/{version.Text("name")} {crd.Text("spec", "names", "kind")}",
            Schema: version.Get("schema", "openAPIV3Schema")!)))
        .ToImmutableDictionary(found => found.Key, found => found.Schema);

    /// <summary>Dapr's components, by <c>type/version</c>.</summary>
    public static YamlMappingNode DaprComponents { get; } = One("dapr-components.yaml");

    public static ImmutableHashSet<string> DaprAnnotations { get; } = [.. Lines("dapr-annotations.txt")];

    public static ImmutableHashSet<string> Metrics { get; } = [.. Lines("dapr-metrics.txt")];

    public static YamlMappingNode Shapes { get; } = One("shapes.yaml");

    private static YamlMappingNode One(string file) => Nodes.Parse(File.ReadAllText(Path.Combine(Folder, file))).Single();

    private static string[] Lines(string file) => File.ReadAllLines(Path.Combine(Folder, file));
}
