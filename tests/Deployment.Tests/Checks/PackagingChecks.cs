using System.Text.RegularExpressions;
using Deployment.Tests.Model;

namespace Deployment.Tests.Checks;

/// <summary>The kustomizations themselves.</summary>
internal static partial class PackagingChecks
{
    private static readonly string[] Deprecated = ["bases", "patchesStrategicMerge", "patchesJson6902", "commonLabels", "vars", "namePrefix", "nameSuffix", "imageTags"];
    private static readonly string[] Tokens = ["app-token-secret", "api-token-secret"];
    private static readonly string[] Core = ["", "apps", "autoscaling", "networking.k8s.io", "policy", "dapr.io"];
    private static readonly Dictionary<string, string> Groups = new()
    {
        ["keda"] = "keda.sh",
        ["function"] = "keda.sh",
        ["gateway"] = "gateway.networking.k8s.io",
        ["prometheus"] = "monitoring.coreos.com",
        ["external-secrets"] = "external-secrets.io",
    };

    public static IEnumerable<Check> List =>
    [
        new(34, "No kustomization uses what is deprecated, renames what Dapr names, or gives names that change", Kustomizations),
        new(35, "The base has only what a cluster with Dapr knows, and each component only its own kinds", Kinds),
        new(36, "Every file is part of a kustomization, and every reference leads somewhere", Orphans),
        new(37, "The namespace comes first, and preflight and guide name what a cluster must have", Order),
    ];

    private static IEnumerable<Document> All(Scene scene) => scene.Under("k8s/").Where(file => file.EndsWith("/kustomization.yaml", StringComparison.Ordinal)).SelectMany(scene.In);

    private static void Kustomizations(Scene scene, Report report)
    {
        foreach (var document in All(scene))
        {
            foreach (var (key, value) in document.Root.Fields().Where(field => Deprecated.Contains(field.Key)))
            {
                report.Add(document, value, $"'{key}' is deprecated, or changes names that code and other files use");
            }

            foreach (var labels in document.Root.Items("labels").Where(labels => labels.Text("includeSelectors") == "true"))
            {
                report.Add(document, labels, "labels go into selectors, which cannot be changed afterwards");
            }

            foreach (var generator in document.Root.Items("configMapGenerator").Concat(document.Root.Items("secretGenerator")))
            {
                report.Unless(generator.Text("options", "disableNameSuffixHash") == "true", document, generator, "the name gets a suffix that Dapr and KEDA do not follow");
            }
        }
    }

    private static void Kinds(Scene scene, Report report)
    {
        foreach (var document in scene.DocumentsUnder("k8s/base/").Concat(scene.DocumentsUnder("k8s/components/")).Where(document => document.Kind.Length > 0 && !document.Group.StartsWith("kustomize", StringComparison.Ordinal)))
        {
            var part = document.Source.Split('/');
            var own = part[1] == "components" ? Groups.GetValueOrDefault(part[2]) : null;
            report.Unless(Core.Contains(document.Group) || document.Group == own, document, document.Root.Get("apiVersion"), $"'{document.Group}' is not what a cluster with Dapr knows{(own is null ? "" : ", nor " + own)}");
        }
    }

    private static void Orphans(Scene scene, Report report)
    {
        var reached = new HashSet<string>();
        foreach (var document in All(scene))
        {
            reached.Add(document.Source);
            var folder = document.Source[..document.Source.LastIndexOf('/')];
            var named = document.Root.Items("resources").Concat(document.Root.Items("components")).Concat(document.Root.Items("configMapGenerator").SelectMany(generator => generator.Items("files")))
                .Concat(document.Root.Items("patches").Select(patch => patch.Get("path")).OfType<YamlDotNet.RepresentationModel.YamlNode>());
            foreach (var node in named)
            {
                var path = Path.GetRelativePath("/", Path.GetFullPath(Path.Combine("/", folder, node.Text()!))).Replace('\\', '/');
                var file = scene.Files.ContainsKey(path) ? path : path + "/kustomization.yaml";
                report.Unless(scene.Files.ContainsKey(file), document, node, $"there is no '{node.Text()}'");
                reached.Add(file);
            }
        }

        foreach (var orphan in scene.Under("k8s/").Where(file => !reached.Contains(file)))
        {
            report.Add(orphan, 1, "no kustomization names it");
        }

        foreach (var overlay in scene.Overlays)
        {
            var maps = overlay.Of("ConfigMap").Select(map => map.Name).ToHashSet();
            var secrets = ComponentChecks.SecretsOf(overlay);
            foreach (var workload in overlay.Workloads)
            {
                var references = Overlay.Containers(workload).SelectMany(container => container.Items("envFrom")).Select(from => from.Get("configMapRef", "name"))
                    .Concat(Overlay.Pod(workload).Items("volumes").Select(volume => volume.Get("configMap", "name")));
                foreach (var node in references.OfType<YamlDotNet.RepresentationModel.YamlNode>())
                {
                    report.Unless(maps.Contains(node.Text()!), workload, node, $"there is no ConfigMap '{node.Text()}'");
                }

                var tokens = Tokens.Select(name => workload.Spec.Get("template", "metadata", "annotations", "dapr.io/" + name)).OfType<YamlDotNet.RepresentationModel.YamlNode>();
                foreach (var (node, secret) in tokens.Select(node => (node, $"{node.Text()}/token"))
                    .Concat(Overlay.Containers(workload).SelectMany(container => container.Items("env")).Select(env => env.Get("valueFrom", "secretKeyRef")).OfType<YamlDotNet.RepresentationModel.YamlNode>().Select(node => (node, $"{node.Text("name")}/{node.Text("key")}"))))
                {
                    report.Unless(secrets.Contains(secret), workload, node, $"there is no Secret '{secret}'");
                }
            }
        }
    }

    private static void Order(Scene scene, Report report)
    {
        foreach (var overlay in scene.Overlays)
        {
            report.Unless(overlay.Documents[0].Kind == "Namespace", overlay.Documents[0], null, "it comes before the namespace");
        }

        var kinds = scene.Overlays.SelectMany(overlay => overlay.Documents).Select(document => document.Group).Distinct().Where(group => Groups.ContainsValue(group) || group == "dapr.io");
        foreach (var group in kinds)
        {
            foreach (var (file, words) in new[] { ("k8s/preflight.sh", $"needs {group} "), ("docs/run-on-kubernetes.md", $"`{group}`") })
            {
                if (!scene.Files.GetValueOrDefault(file, "").Contains(words, StringComparison.Ordinal))
                {
                    report.Add(file, 1, $"it does not name '{group}'");
                }
            }
        }

        var preflight = scene.Files.GetValueOrDefault("k8s/preflight.sh", "");
        foreach (Match named in NamedCrd().Matches(preflight))
        {
            var (group, crd) = (named.Groups[1].Value, named.Groups[2].Value);
            if (scene.Overlays.Count > 0 && !scene.Overlays.Any(overlay => overlay.Documents.Any(document => document.Group == group && crd.StartsWith(document.Kind.ToLowerInvariant(), StringComparison.Ordinal) && crd.EndsWith("." + group, StringComparison.Ordinal))))
            {
                report.AddAt("k8s/preflight.sh", crd, $"nothing here needs '{crd}'");
            }
        }
    }

    [GeneratedRegex(@"^needs (\S+) (\S+) ", RegexOptions.Multiline)]
    private static partial Regex NamedCrd();
}
