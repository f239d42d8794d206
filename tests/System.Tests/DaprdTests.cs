using System.Diagnostics;
using TestSupport;

namespace SystemTests;

/// <summary>Real Dapr in the place of the embedded sidecar.</summary>
public sealed class DaprdTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task All_tests_that_need_only_addresses_pass_on_daprd_with_our_own_files()
    {
        OwnSystem.SkipUnlessOurs();
        var missing = await ComponentSet.MissingAsync();
        Assert.SkipWhen(missing is not null, missing ?? "");
        await using var system = await DaprdSystem.StartAsync(_folder);
        using (var accounts = new AccountSystem(system.Addresses["ACCOUNTS_COMMAND_URL"], system.Addresses["ACCOUNTS_PROCESSOR_URL"], system.Addresses["ACCOUNTS_QUERY_URL"]))
        {
            await Eventually.Holds(accounts.Ready, TimeSpan.FromSeconds(60));
        }

        // This very program, with the addresses in its environment.
        var start = new ProcessStartInfo("dotnet", [Repository.Assembly("System.Tests")]) { RedirectStandardOutput = true };
        foreach (var (name, address) in system.Addresses)
        {
            start.Environment[name] = address.ToString();
        }

        using var tests = Process.Start(start)!;
        var output = await tests.StandardOutput.ReadToEndAsync(Stop);
        await tests.WaitForExitAsync(Stop);

        Assert.True(tests.ExitCode == 0, $"{output}\nThe sidecars wrote:\n{system.Output}");
    }

    [Fact]
    public async Task Sidecars_get_the_flags_the_configuration_and_the_components_of_the_run_file()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("The stand-in for daprd is a script for a POSIX shell.");
            return;
        }

        foreach (var program in new[] { "daprd", "placement" })
        {
            File.SetUnixFileMode(
                _folder.Write($"bin/{program}", "#!/bin/sh\nprintf '%s\\n' \"$@\" > \"$(mktemp \"$0-XXXXXX\")\"\nexec sleep 600\n"),
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        var runFile = RunFileCopy.Write(_folder.Location, components: "redis");
        await using var dapr = new Daprd(_folder.Location, path: _folder.At("bin"));
        foreach (var sidecar in DaprdArguments.Of(runFile))
        {
            dapr.StartSidecar(sidecar);
        }

        var started = await Eventually.Gives(async () =>
        {
            var seen = await Task.WhenAll(Directory.GetFiles(_folder.At("bin"), "daprd-*").Select(file => File.ReadAllLinesAsync(file, Stop)));
            Assert.Equal(3, seen.Count(lines => lines.Length > 0));
            return seen.OrderBy(lines => DaprdArguments.After(lines, "--app-id"), StringComparer.Ordinal).ToList();
        });
        var placement = await Eventually.Gives(() => File.ReadAllLinesAsync(Directory.GetFiles(_folder.At("bin"), "placement-*").Single(), Stop));
        foreach (var (lines, app) in started.Zip(["accounts-command", "accounts-processor", "accounts-query"]))
        {
            Assert.Equal(app, DaprdArguments.After(lines, "--app-id"));
            Assert.Equal(Path.Combine(Repository.Root, "configuration", $"{app}.yaml"), DaprdArguments.After(lines, "--config"));
            Assert.Equal(Path.Combine(Repository.Root, "components", "redis"), DaprdArguments.After(lines, "--resources-path"));
            Assert.Equal($"localhost:{DaprdArguments.After(placement, "--port")}", DaprdArguments.After(lines, "--placement-host-address"));
            Assert.Equal(("/healthz/open", "1", "900", "5"), (DaprdArguments.After(lines, "--app-health-check-path"), DaprdArguments.After(lines, "--app-health-probe-interval"), DaprdArguments.After(lines, "--app-health-probe-timeout"), DaprdArguments.After(lines, "--app-health-threshold")));
            Assert.Contains("--enable-app-health-check", lines);
            Assert.Contains($"appPort: {DaprdArguments.After(lines, "--app-port")}", await File.ReadAllTextAsync(runFile, Stop), StringComparison.Ordinal);
        }

        string[] ports = ["--app-port", "--dapr-http-port", "--dapr-grpc-port", "--dapr-internal-grpc-port", "--metrics-port"];
        Assert.Equal(15, started.SelectMany(lines => ports.Select(port => DaprdArguments.After(lines, port))).Distinct().Count());
    }

    public void Dispose() => _folder.Dispose();
}
