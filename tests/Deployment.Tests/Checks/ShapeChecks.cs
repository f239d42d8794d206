using Deployment.Tests.Model;
using YamlDotNet.RepresentationModel;

namespace Deployment.Tests.Checks;

/// <summary>Everything has just the fields that there are.</summary>
internal static class ShapeChecks
{
    public static IEnumerable<Check> List =>
    [
        new(1, "Every document of Dapr's keeps to its schema", Dapr),
        new(1, "Every other document keeps to its kind's shape", Others),
        new(13, "The run file has just the fields that Dapr's command knows, and what it names is there", RunFile),
    ];

    private static void Dapr(Scene scene, Report report)
    {
        var documents = scene.DocumentsUnder("components/").Concat(scene.DocumentsUnder("configuration/"))
            .Concat(scene.Overlays.SelectMany(overlay => overlay.Documents.Where(document => document.Group == "dapr.io")));
        foreach (var document in documents)
        {
            if (Facts.DaprSchemas.GetValueOrDefault($"{document.ApiVersion} {document.Kind}") is not { } schema)
            {
                report.Add(document, document.Root, $"Dapr has no kind '{document.Kind}' of '{document.ApiVersion}'");
                continue;
            }

            Shape.CheckSchema(document.Root, schema, document.Kind, (node, message) => report.Add(document, node, message));
        }
    }

    private static void Others(Scene scene, Report report)
    {
        var kustomizations = scene.Under("k8s/").Where(file => file.EndsWith("/kustomization.yaml", StringComparison.Ordinal)).SelectMany(scene.In);
        foreach (var document in kustomizations.Concat(scene.Overlays.SelectMany(overlay => overlay.Documents.Where(document => document.Group != "dapr.io"))))
        {
            if (Facts.Shapes.Get("kinds", $"{document.ApiVersion} {document.Kind}") is not { } shape)
            {
                report.Add(document, document.Root, $"'{document.Kind}' of '{document.ApiVersion}' is not known here");
                continue;
            }

            Shape.Check(document.Root, shape, document.Kind, (node, message) => report.Add(document, node, message));
        }
    }

    private static void RunFile(Scene scene, Report report)
    {
        var document = scene.In("dapr.yaml").Single();
        Shape.Check(document.Root, Facts.Shapes.Get("runFile")!, "dapr.yaml", (node, message) => report.Add(document, node, message));
        foreach (var path in document.Root.Items("common", "resourcesPaths"))
        {
            report.Unless(Exists(scene, path.Text()!, ""), document, path, $"there is no folder '{path.Text()}'");
        }

        foreach (var app in document.Root.Items("apps"))
        {
            var folder = app.Text("appDirPath") ?? "";
            report.Unless(Exists(scene, folder, ""), document, app.Get("appDirPath"), $"there is no folder '{folder}'");
            report.Unless(Exists(scene, app.Text("configFilePath") ?? "", folder), document, app.Get("configFilePath"), $"there is no file '{app.Text("configFilePath")}'");
        }
    }

    /// <summary>Whether there is such a file, or a folder with files.</summary>
    private static bool Exists(Scene scene, string path, string from)
    {
        var full = Path.GetRelativePath("/", Path.GetFullPath(Path.Combine("/", from, path))).Replace('\\', '/');
        return scene.Files.ContainsKey(full) || scene.Under(full + "/", "").Any();
    }
}
