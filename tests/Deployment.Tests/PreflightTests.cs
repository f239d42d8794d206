using System.Diagnostics;
using Deployment.Tests.Model;
using TestSupport;

namespace Deployment.Tests;

/// <summary><c>k8s/preflight.sh</c>, asking a cluster that a script plays.</summary>
public sealed class PreflightTests
{
    [Fact]
    public async Task It_names_what_a_bare_cluster_lacks()
    {
        var (exit, lines) = await AskAsync("production", "exit 1");

        Assert.Equal(1, exit);
        foreach (var lacking in new[] { "Dapr", "KEDA", "the Gateway API", "External Secrets", "the Prometheus Operator", "metrics-server", "sidecars without capabilities", "published images" })
        {
            Assert.Contains("missing: " + lacking, lines);
        }
    }

    [Fact]
    public async Task A_bare_cluster_with_Dapr_is_enough_for_the_dev_overlay()
    {
        var (exit, lines) = await AskAsync("dev", """
            case "$*" in
              *storageclass*) echo 'storageclass.kubernetes.io/is-default-class: "true"' ;;
              *dapr*|*metrics*) ;;
              *) exit 1 ;;
            esac
            """);

        Assert.Equal((0, "Nothing is missing for k8s/overlays/dev."), (exit, lines[^1]));
    }

    private static async Task<(int Exit, string[] Lines)> AskAsync(string overlay, string cluster)
    {
        Assert.SkipWhen(Rendering.Missing is not null, Rendering.Missing ?? "");
        using var folder = new TemporaryFolder();
        var real = Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator).Select(path => Path.Combine(path, "kubectl")).First(File.Exists);
        var played = folder.Write("kubectl", $$"""
            #!/usr/bin/env bash
            case "$*" in
              kustomize*) exec {{real}} "$@" ;;
              *"/version"*) echo '{ "major": "1", "minor": "32+" }'; exit ;;
            esac
            {{cluster}}

            """);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(played, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        using var script = Process.Start(new ProcessStartInfo("bash", [Path.Combine(Repository.Root, "k8s", "preflight.sh"), overlay])
        {
            RedirectStandardOutput = true,
            Environment = { ["PATH"] = folder.Location + Path.PathSeparator + Environment.GetEnvironmentVariable("PATH") },
        })!;
        var output = await script.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await script.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (script.ExitCode, output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }
}
