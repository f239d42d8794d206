using YamlDotNet.RepresentationModel;

namespace Deployment.Tests.Model;

/// <summary>One YAML document, of a file or of what an overlay renders.</summary>
/// <param name="Source">The file, or the overlay's name.</param>
/// <param name="Root">What is in it.</param>
internal sealed record Document(string Source, YamlMappingNode Root)
{
    public string Kind => Root.Text("kind") ?? "";

    public string Name => Root.Text("metadata", "name") ?? "";

    public string ApiVersion => Root.Text("apiVersion") ?? "";

    public string Group => ApiVersion.Contains('/', StringComparison.Ordinal) ? ApiVersion.Split('/')[0] : "";

    public YamlNode? Spec => Root.Get("spec");

    public bool IsDapr(string kind) => Group == "dapr.io" && Kind == kind;

    public string Label(string name) => Root.Text("metadata", "labels", "app.kubernetes.io/" + name) ?? "";

    public override string ToString() => $"{Kind} {Name}";
}

/// <summary>What <c>kubectl kustomize</c> makes of an overlay.</summary>
internal sealed record Overlay(string Name, IReadOnlyList<Document> Documents)
{
    /// <summary>Deployments and StatefulSets.</summary>
    public IEnumerable<Document> Workloads => Documents.Where(document => document.Kind is "Deployment" or "StatefulSet");

    /// <summary>The Deployments that have a sidecar.</summary>
    public IEnumerable<Document> Services => Workloads.Where(workload => Annotations(workload).GetValueOrDefault("dapr.io/enabled") == "true");

    public IEnumerable<Document> Of(string kind) => Documents.Where(document => document.Kind == kind && document.Group != "dapr.io");

    public IEnumerable<Document> Dapr(string kind) => Documents.Where(document => document.IsDapr(kind));

    public static Dictionary<string, string> Annotations(Document workload) => workload.Spec.Map("template", "metadata", "annotations");

    public static Dictionary<string, string> Labels(Document workload) => workload.Spec.Map("template", "metadata", "labels");

    public static string AppId(Document workload) => Annotations(workload).GetValueOrDefault("dapr.io/app-id", "");

    public static YamlNode? Pod(Document workload) => workload.Spec.Get("template", "spec");

    public static IEnumerable<YamlNode> Containers(Document workload) => Pod(workload).Items("containers");
}
