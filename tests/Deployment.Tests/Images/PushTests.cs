using Deployment.Tests.Checks;
using Deployment.Tests.Model;
using TestSupport;

namespace Deployment.Tests.Images;

/// <summary>The second half of <c>k8s/images.sh</c>: archives go to a registry, and their digests into overlays.</summary>
[Collection(nameof(ImagesOnce))]
public sealed class PushTests(PublishedImages images)
{
    [Fact]
    public async Task What_an_overlay_runs_afterwards_is_what_the_archives_hold_and_the_registry_has()
    {
        Assert.SkipWhen(Rendering.Missing is not null, Rendering.Missing ?? "");
        Assert.SkipUnless(Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator).Any(path => File.Exists(Path.Combine(path, "skopeo"))), "skopeo is not on the PATH");
        await using var registry = await StubRegistry.StartAsync();
        using var folder = new TemporaryFolder();
        var script = Copy(folder);

        // Where skopeo looks for registries without certificates; older ones know no variable for it.
        Directory.CreateDirectory(folder.At(".config", "containers"));
        await File.WriteAllTextAsync(folder.At(".config", "containers", "registries.conf"), $"[[registry]]\nlocation = \"{registry.Host}\"\ninsecure = true\n", TestContext.Current.CancellationToken);

        await PublishedImages.RunAsync("bash", [script, "--made", images.Folder, registry.Host + "/accounts", "staging", "production"], ("HOME", folder.Location), ("DOTNET_CLI_HOME", Environment.GetEnvironmentVariable("HOME") ?? ""), ("DOTNET_NOLOGO", "1"));

        var version = Code.Version(Rendering.Scene);
        var pushed = PublishedImages.Names.Select(name => (string)name.Data).ToDictionary(name => name, name => registry.Pushed("accounts/" + name, version));
        Assert.All(pushed, image => Assert.Equal(OciArchive.DigestOf(images[image.Key].IndexPath), image.Value));
        foreach (var overlay in new[] { "staging", "production" })
        {
            var run = Nodes.Parse(Rendering.Kustomize(folder.At("k8s", "overlays", overlay))).Select(root => new Document(overlay, root))
                .Where(document => document.Kind == "Deployment" && document.Name.StartsWith("accounts-", StringComparison.Ordinal))
                .SelectMany(Overlay.Containers).Select(container => container.Text("image")!).Where(image => image.Contains("/accounts/", StringComparison.Ordinal)).Distinct();
            Assert.Equal(pushed.Select(image => $"{registry.Host}/accounts/{image.Key}@{image.Value}").Order(StringComparer.Ordinal), run.Order(StringComparer.Ordinal));
        }
    }

    /// <summary>As much of the repository as the script needs; it writes into overlays.</summary>
    private static string Copy(TemporaryFolder folder)
    {
        foreach (var file in Rendering.Scene.Files.Where(file => file.Key.StartsWith("k8s/", StringComparison.Ordinal) || Path.GetExtension(file.Key) is ".csproj" or ".props"))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(folder.At(file.Key))!);
            File.WriteAllText(folder.At(file.Key), file.Value);
        }

        foreach (var file in new[] { "Directory.Packages.props", "global.json" })
        {
            File.Copy(Path.Combine(Repository.Root, file), folder.At(file), overwrite: true);
        }

        return folder.At("k8s", "images.sh");
    }
}
