using System.Diagnostics;
using TestSupport;

namespace Deployment.Tests.Images;

/// <summary>The tests that share them.</summary>
[CollectionDefinition(nameof(ImagesOnce))]
public sealed class ImagesOnce : ICollectionFixture<PublishedImages>;

/// <summary>What <c>k8s/images.sh</c> makes of the services, once for all tests.</summary>
public sealed class PublishedImages : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>The names of the images.</summary>
    public static TheoryData<string> Names => ["accounts-command", "accounts-processor", "accounts-query"];

    internal OciArchive this[string image] => new(_folder.At(image + ".tar.gz"));

    /// <summary>The folder with the archives.</summary>
    internal string Folder => _folder.Location;

    internal string BillOf(string image) => File.ReadAllText(_folder.At(image + ".cdx.json"));

    public async ValueTask InitializeAsync()
    {
        await using var registry = await StubRegistry.StartAsync();
        await RunAsync("bash", [Path.Combine(Repository.Root, "k8s", "images.sh"), _folder.Location], ("BASE_IMAGE", registry.BaseImage));
    }

    /// <summary>Makes one image once more, from the same sources.</summary>
    internal static async Task<OciArchive> AgainAsync(string project, string image)
    {
        using var folder = new TemporaryFolder();
        await using var registry = await StubRegistry.StartAsync();
        await RunAsync("dotnet", ["build", Path.Combine(Repository.Root, "services", project), "-nologo", "-v", "quiet", "-t:PublishContainer", "-p:_IsPublishing=true", $"-p:ContainerArchiveOutputPath={folder.Location}/", $"-p:ContainerBaseImage={registry.BaseImage}"]);
        return new OciArchive(folder.At(image + ".tar.gz"));
    }

    /// <summary>Runs a program to its end, which must be a good one.</summary>
    internal static async Task RunAsync(string program, string[] arguments, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment =
            {
                ["MSBUILDDISABLENODEREUSE"] = "1",
                ["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0",
            },
        };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var script = Process.Start(start)!;
        Behind.Put(script);
        var error = script.StandardError.ReadToEndAsync();
        var output = await script.StandardOutput.ReadToEndAsync();
        await script.WaitForExitAsync();
        Assert.True(script.ExitCode == 0, output + await error);
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }
}
