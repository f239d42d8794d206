using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Dapr.Client;
using EventLog.Tests.Stores;
using Grpc.Net.Client;
using TestSupport;
using Autogen = Dapr.Client.Autogen.Grpc.v1;

namespace EventLog.Tests.Verification;

/// <summary>The verifier as its operator starts it, on the data of a stopped system.</summary>
public sealed class VerifierProgramTests(VerifierProgramTests.StoppedLog log) : IClassFixture<VerifierProgramTests.StoppedLog>
{
    [Fact]
    public async Task A_byte_that_was_changed_in_the_database_file_is_named_with_partition_and_position()
    {
        using var folder = log.Copy();
        await ForgeAsync(folder);

        var (exit, output) = await RunAsync("--data", folder.Location);
        Assert.True(exit == 1, output);
        Assert.Contains($"MISMATCH at {log.Marked}: ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_log_that_is_well_goes_on_from_its_state_file_and_holds_what_was_acknowledged()
    {
        using var folder = log.Copy();
        var state = folder.At("state.json");
        var acknowledged = folder.Write("acknowledged", string.Join('\n', log.Acknowledged.Append("# all")));
        var (exit, output) = await RunAsync("--data", folder.Location, "--state", state, "--acknowledged", acknowledged, "--nothing-else");
        Assert.True(exit == 0, output);
        Assert.Contains($" {log.Acknowledged.Count} events, ", output, StringComparison.Ordinal);
        Assert.Contains("and nothing else", output, StringComparison.Ordinal);

        folder.Write("acknowledged", string.Join('\n', log.Acknowledged.Skip(1).Append("S-0 99").Append($"S-0 1 {log.Marked}")));
        (exit, output) = await RunAsync("--data", folder.Location, "--state", state, "--acknowledged", acknowledged);
        Assert.True(exit == 1, output);
        Assert.Contains("'S-0 99' was acknowledged and is not in the log", output, StringComparison.Ordinal);
        Assert.Contains($"'S-0 1 {log.Marked}' was acknowledged and is not at", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_state_file_says_is_verified_is_not_read_again()
    {
        using var folder = log.Copy();
        var state = folder.At("state.json");
        Assert.Equal(0, (await RunAsync("--data", folder.Location, "--state", state)).Exit);
        await ForgeAsync(folder);

        var (exit, output) = await RunAsync("--data", folder.Location, "--state", state);
        Assert.True(exit == 0, output);
        Assert.Contains($" {log.Acknowledged.Count} events, ", output, StringComparison.Ordinal);
        (exit, output) = await RunAsync("--data", folder.Location);
        Assert.True(exit == 1, output);
    }

    [Fact]
    public async Task A_verification_that_is_stopped_midway_goes_on_from_there()
    {
        using var folder = log.Copy();
        var state = folder.At("state.json");
        var faults = new Uri($"http://127.0.0.1:{FreePorts.Next()}/faults");
        var run = Path.Combine(Repository.Root, "tools", "Accounts.LogVerifier", "dapr.yaml");
        await using (var host = await RunningHost.StartAsync(new HostStart { RunFile = run, DataFolder = folder.Location, Flags = ["--faults", $"{faults.Port}"] }, Token))
        {
            // Each page takes longer than the pause between two lines of progress.
            using var http = new HttpClient();
            using var slow = new StringContent("""[{"on":"state:event-log","do":"delay","ms":2200}]""");
            using var answer = (await http.PutAsync(faults, slow, Token)).EnsureSuccessStatusCode();
            using var process = Start("--dapr-grpc", host["accounts-command"].DaprGrpc.ToString(), "--state", state);
            var lines = new List<string>();
            while (await process.StandardOutput.ReadLineAsync(Token) is { } line)
            {
                lines.Add(line);
                if (line.Contains("verified up to", StringComparison.Ordinal))
                {
                    Stop(process);
                }
            }

            await process.WaitForExitAsync(Token);
            Assert.Equal((2, "Stopped. The same command goes on from here."), (process.ExitCode, lines[^1]));
        }

        using (var saved = JsonDocument.Parse(await File.ReadAllTextAsync(state, Token)))
        {
            var positions = saved.RootElement.GetProperty("Partitions").EnumerateArray().Select(p => p.GetProperty("Position").GetInt64()).ToList();
            Assert.Contains(positions, p => p > 0);
            Assert.Contains(positions, p => p == 0);
        }

        var (exit, output) = await RunAsync("--data", folder.Location, "--state", state);
        Assert.True(exit == 0, output);
        Assert.Contains($" {log.Acknowledged.Count} events, ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_verified_is_no_mismatch()
    {
        var (exit, output) = await RunAsync("--acknowledged", "is-not-there");
        Assert.True(exit == 2 && output.Contains("there is no file 'is-not-there'", StringComparison.Ordinal), output);
        using var empty = new TemporaryFolder();
        (exit, output) = await RunAsync("--data", empty.Location);
        Assert.True(exit == 2 && output.Contains("There is no log", StringComparison.Ordinal), output);
    }

    [Fact]
    public async Task A_verification_that_waits_for_its_sidecar_ends_at_once_when_asked_to()
    {
        using var process = Start("--dapr-grpc", FreePorts.Next().ToString(System.Globalization.CultureInfo.InvariantCulture));
        Assert.Contains("trying on", await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Stop(process);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);
        Assert.Equal(2, process.ExitCode);
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>Changes a byte of the marked event, wherever in the database file it is.</summary>
    private static async Task ForgeAsync(TemporaryFolder folder)
    {
        var database = folder.At("event-log.db");
        var bytes = await File.ReadAllBytesAsync(database, Token);
        var at = bytes.AsSpan().IndexOf(Encoding.UTF8.GetBytes("\"By\":7777"));
        Assert.InRange(at, 1, bytes.Length);
        bytes[at + 6] = (byte)'8';
        await File.WriteAllBytesAsync(database, bytes, Token);
    }

    private static void Stop(Process process)
    {
        if (Signals.InterruptsAreIgnored)
        {
            Signals.Terminate(process.Id);
        }
        else
        {
            Signals.Interrupt(process.Id);
        }
    }

    private static async Task<(int Exit, string Output)> RunAsync(params string[] arguments)
    {
        using var process = Start(arguments);
        var output = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, string.Concat(output));
    }

    private static Process Start(params string[] arguments) => Process.Start(
        new ProcessStartInfo("dotnet", [Repository.Assembly("Accounts.LogVerifier"), .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true })!;

    /// <summary>The data folder of a system that wrote a small log and was stopped.</summary>
    public sealed class StoppedLog : IAsyncLifetime
    {
        private readonly TemporaryFolder _folder = new();

        /// <summary>A line for each event, in all forms that there are.</summary>
        public List<string> Acknowledged { get; } = [];

        /// <summary>Where an event has a mark in its data.</summary>
        public LogPosition Marked { get; private set; }

        public async ValueTask InitializeAsync()
        {
            var run = Path.Combine(Repository.Root, "tools", "Accounts.LogVerifier", "dapr.yaml");
            await using var host = await RunningHost.StartAsync(new HostStart { RunFile = run, DataFolder = _folder.At("data") });
            var address = host["accounts-command"].DaprGrpc.ToString();
            using var channel = GrpcChannel.ForAddress(address);
            var store = new DaprStateStore(new Autogen.Dapr.DaprClient(channel), "event-log", TimeSpan.FromSeconds(10));
            await using (var log = await OpenLog.StartAsync(store, partitions: 2))
            {
                for (var i = 0; i < 60; i++)
                {
                    var outcome = await log.SubmitAsync($"S-{i % 20}", i < 20 ? "open" : "add", by: i == 50 ? 7777 : 1);
                    Marked = i == 50 ? outcome.Position : Marked;
                    Acknowledged.Add($"S-{i % 20} {outcome.Version}" + (i % 3 == 0 ? $" {outcome.Position}" : ""));
                }
            }

            var reader = new LogReader(store, TimeProvider.System);
            var last = (await reader.ReadAsync(0, 0, 100, CancellationToken.None))[^1].Events[0];
            Acknowledged.RemoveAll(line => line.StartsWith($"{last.Stream} {last.Version}", StringComparison.Ordinal));
            Acknowledged.Add(last.EventId);
        }

        /// <summary>A copy of the data, to be changed.</summary>
        public TemporaryFolder Copy()
        {
            var copy = new TemporaryFolder();
            foreach (var file in Directory.EnumerateFiles(_folder.At("data")))
            {
                File.Copy(file, copy.At(Path.GetFileName(file)));
            }

            return copy;
        }

        public ValueTask DisposeAsync()
        {
            _folder.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
