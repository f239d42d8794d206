using System.Diagnostics;
using TestSupport;

namespace Deployment.Tests.Images;

/// <summary>What <c>k8s/images.sh</c> makes of the services, once for all tests.</summary>
public sealed class PublishedImages : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>The names of the images.</summary>
    public static TheoryData<string> Names => ["accounts-command", "accounts-processor", "accounts-query"];

    internal OciArchive this[string image] => new(_folder.At(image + ".tar.gz"));

    internal string BillOf(string image) => File.ReadAllText(_folder.At(image + ".cdx.json"));

    public async ValueTask InitializeAsync()
    {
        await using var registry = await StubRegistry.StartAsync();
        var start = new ProcessStartInfo("bash", [Path.Combine(Repository.Root, "k8s", "images.sh"), _folder.Location])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment =
            {
                ["BASE_IMAGE"] = registry.BaseImage,
                ["MSBUILDDISABLENODEREUSE"] = "1",
                ["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0",
            },
        };
        using var script = Process.Start(start)!;
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
