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
    public async Task A_cluster_that_has_Dapr_and_nothing_else_is_enough_for_the_dev_overlay()
    {
        var (exit, lines) = await AskAsync("dev", Cluster(dapr: "1.16.2"));

        Assert.Equal((0, "Nothing is missing for k8s/overlays/dev."), (exit, lines[^1]));
        Assert.Contains("note:    metrics-server", lines);
        Assert.DoesNotContain(lines, line => line.StartsWith("missing", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_cluster_without_anything_lacks_Dapr_for_the_dev_overlay()
    {
        var (exit, lines) = await AskAsync("dev", "exit 1");

        Assert.Equal(1, exit);
        Assert.Contains("missing: Dapr", lines);
        Assert.DoesNotContain("missing: metrics-server", lines);
    }

    [Theory]
    [InlineData("dev", "1.15.9", "true", "", "missing: Dapr 1.16 or later (this is 1.15)")]
    [InlineData("dev", "1.9.0", "true", "", "missing: Dapr 1.16 or later (this is 1.9)")]
    [InlineData("dev", "1.18.3", "false", "", "missing: mutual TLS between sidecars")]
    [InlineData("dev", "1.18.3", "", "", "missing: mutual TLS between sidecars")]
    [InlineData("production", "1.18.3", "true", "2.13.1", "missing: KEDA 2.14 or later (this is 2.13)")]
    public async Task What_is_too_old_or_switched_off_is_named(string overlay, string dapr, string tls, string keda, string named)
    {
        var (exit, lines) = await AskAsync(overlay, Cluster(dapr, tls, keda));

        Assert.Equal((1, 1), (exit, lines.Count(line => line == named)));
    }

    [Theory]
    [InlineData("2.14.0")]
    [InlineData("v2.20.2")]
    public async Task What_is_new_enough_is_not_named(string keda)
    {
        var (_, lines) = await AskAsync("production", Cluster("2.0.0", keda: keda));

        Assert.DoesNotContain(lines, line => line.Contains("or later", StringComparison.Ordinal) || line.Contains("mutual", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_cannot_be_told_is_a_note()
    {
        var (exit, lines) = await AskAsync("dev", Cluster(dapr: "edge"));

        Assert.Equal(0, exit);
        Assert.Contains("note:    which Dapr this is cannot be told", lines);
    }

    /// <summary>A cluster that has Dapr and a place for volumes, and KEDA if it is of a version.</summary>
    private static string Cluster(string dapr, string tls = "true", string keda = "") => $"""
        case "$*" in
          *storageclass*) echo 'storageclass.kubernetes.io/is-default-class: "true"' ;;
          *mtls*) printf '%s' '{tls}' ;;
          *dapr-operator*jsonpath*) printf '%s' '{dapr}' ;;
          *dapr*) ;;
          *keda*) test -n '{keda}' && printf '%s' '{keda}' ;;
          *) exit 1 ;;
        esac
        """;

    private static async Task<(int Exit, string[] Lines)> AskAsync(string overlay, string cluster)
    {
        Assert.SkipWhen(Rendering.Missing is not null, Rendering.Missing ?? "");
        using var folder = new TemporaryFolder();
        var real = Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator).Select(path => Path.Combine(path, "kubectl")).First(File.Exists);
        var played = folder.Write("kubectl", $$"""
            #!/usr/bin/env bash
            case "$*" in
              kustomize*) exec {{real}} "$@" ;;
              *"--raw /version"*) echo '{ "major": "1", "minor": "32+" }'; exit ;;
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
