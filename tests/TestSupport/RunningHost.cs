using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace TestSupport;

/// <summary>How a test wants the sidecar host started.</summary>
public sealed record HostStart
{
    /// <summary>Absolute path of the run file.</summary>
    public required string RunFile { get; init; }

    /// <summary>Null: a temporary folder that goes with the host. Name one to start a second time with the same data.</summary>
    public string? DataFolder { get; init; }

    /// <summary>Further flags, for instance <c>--replicas accounts-command=2</c> as two entries.</summary>
    public IReadOnlyList<string> Flags { get; init; } = [];

    /// <summary>Set in the host's environment, which its apps inherit; null removes a variable.</summary>
    public IReadOnlyDictionary<string, string?> Environment { get; init; } = new Dictionary<string, string?>();

    /// <summary>Long enough for <see cref="TestSupport.ShortLife"/> to be wrong: for measuring.</summary>
    public bool LivesLong { get; init; }
}

/// <summary>An app that the host has started, and its sidecar.</summary>
/// <param name="Label">The app id; with <c>#2</c> and so on for further replicas.</param>
/// <param name="ProcessId">Null for an app without a command.</param>
/// <param name="Address">Null for an app without a port.</param>
public sealed record RunningApp(string Label, int? ProcessId, Uri? Address, int DaprHttpPort, int DaprGrpcPort)
{
    public Uri DaprHttp => new($"http://127.0.0.1:{DaprHttpPort}");

    public Uri DaprGrpc => new($"http://127.0.0.1:{DaprGrpcPort}");
}

/// <summary>
/// The embedded sidecar's host as a real process, from the assembly that was built with the tests. Disposing it stops
/// it, kills what is left, and deletes its temporary data.
/// </summary>
public sealed partial class RunningHost : IAsyncDisposable
{
    private static readonly ConcurrentDictionary<RunningHost, bool> Running = new();

    private readonly Process _process;
    private readonly TemporaryFolder? _temporary;
    private readonly ConcurrentQueue<string> _output = new();
    private readonly ConcurrentDictionary<string, RunningApp> _apps = new();
    private readonly ConcurrentDictionary<int, string> _born = new();
    private readonly Task _pumps;

    // A test run that is stopped half-way disposes nothing.
    static RunningHost() => AppDomain.CurrentDomain.ProcessExit += (_, _) =>
    {
        foreach (var host in Running.Keys)
        {
            host.Living().ForEach(Signals.Kill);
        }
    };

    private RunningHost(Process process, TemporaryFolder? temporary)
    {
        _process = process;
        _temporary = temporary;
        Running[this] = true;
        Remember(process.Id);
        _pumps = Task.WhenAll(PumpAsync(process.StandardOutput), PumpAsync(process.StandardError));
    }

    public int ProcessId => _process.Id;

    /// <summary>All that was written so far, on both streams.</summary>
    public IReadOnlyList<string> Output => [.. _output];

    /// <summary>The apps started so far, by label.</summary>
    public IReadOnlyDictionary<string, RunningApp> Apps => _apps;

    /// <summary>The app with this label.</summary>
    public RunningApp this[string label] =>
        _apps.TryGetValue(label, out var app) ? app : throw new KeyNotFoundException($"The host has not started '{label}'.\n{Shown}");

    private string Shown => string.Join('\n', _output);

    /// <summary>Starts the host and waits until it says that it is ready.</summary>
    /// <exception cref="InvalidOperationException">It ended or was not ready within a minute; the message holds its output.</exception>
    public static async Task<RunningHost> StartAsync(HostStart start, CancellationToken cancellation = default)
    {
        var host = Launch(start);
        try
        {
            await host.ReadyAsync(cancellation);
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts the host without waiting for anything.</summary>
    public static RunningHost Launch(HostStart start)
    {
        var temporary = start.DataFolder is null ? new TemporaryFolder() : null;
        var data = start.DataFolder ?? temporary!.Location;
        var info = new ProcessStartInfo("dotnet", [Repository.Assembly("Sidecar"), "--file", start.RunFile, "--data", data, .. start.Flags])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (!start.LivesLong)
        {
            ShortLife.Prepare(info.Environment);
        }

        foreach (var (name, value) in start.Environment)
        {
            info.Environment[name] = value;
        }

        return new RunningHost(Process.Start(info)!, temporary);
    }

    /// <summary>Waits until the host says that it is ready.</summary>
    /// <exception cref="InvalidOperationException">It ended or was not ready within a minute; the message holds its output.</exception>
    public async Task ReadyAsync(CancellationToken cancellation = default) =>
        await LineAsync(l => l.StartsWith("Ready", StringComparison.Ordinal), TimeSpan.FromMinutes(1), cancellation);

    /// <summary>Waits for a line of output.</summary>
    /// <exception cref="InvalidOperationException">The host ended without it, or it did not come in time.</exception>
    public async Task<string> LineAsync(Func<string, bool> wanted, TimeSpan? within = null, CancellationToken cancellation = default)
    {
        var started = Stopwatch.StartNew();
        while (true)
        {
            var ended = _pumps.IsCompleted;
            if (_output.FirstOrDefault(wanted) is { } line)
            {
                return line;
            }

            if (ended || started.Elapsed > (within ?? TimeSpan.FromSeconds(15)))
            {
                throw new InvalidOperationException($"The host {(ended ? "ended" : "runs")} and has not written what was waited for. It wrote:\n{Shown}");
            }

            await Task.WhenAny(_pumps, Task.Delay(10, cancellation));
            cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Asks the host to stop (SIGTERM) and gives its exit code.</summary>
    public async Task<int> StopAsync()
    {
        Signals.Terminate(ProcessId);
        return await ExitedAsync();
    }

    /// <summary>Waits until the host has ended and gives its exit code.</summary>
    /// <exception cref="TimeoutException">It did not end in time (25 s); the message holds its output.</exception>
    public async Task<int> ExitedAsync(TimeSpan? within = null)
    {
        try
        {
            await _process.WaitForExitAsync().WaitAsync(within ?? TimeSpan.FromSeconds(25));
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"The host has not ended. It wrote:\n{Shown}");
        }

        await Task.WhenAny(_pumps, Task.Delay(TimeSpan.FromSeconds(2)));
        return _process.ExitCode;
    }

    /// <summary>Kills the host and its apps (kill -9), all of them before any of them can notice.</summary>
    public async Task KillAsync()
    {
        var living = Living();
        living.ForEach(Signals.Kill);
        await Eventually.True(() => !living.Exists(Signals.IsAlive), "all processes are gone");
    }

    /// <summary>Kills one app (kill -9); its sidecar and the others go on.</summary>
    public void KillApp(string label) => Signals.Kill(this[label].ProcessId ?? throw new InvalidOperationException($"'{label}' has no process."));

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            Signals.Terminate(ProcessId);
            await Task.WhenAny(_process.WaitForExitAsync(), Task.Delay(TimeSpan.FromSeconds(20)));
        }

        await KillAsync();
        Running.TryRemove(this, out _);
        _process.Dispose();
        _temporary?.Dispose();
    }

    private async Task PumpAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            if (StartedLine().Match(line) is { Success: true } m)
            {
                _apps[m.Groups["label"].Value] = new RunningApp(
                    m.Groups["label"].Value,
                    m.Groups["id"].Success ? Number(m.Groups["id"]) : null,
                    m.Groups["address"].Success ? new Uri(m.Groups["address"].Value) : null,
                    Number(m.Groups["http"]),
                    Number(m.Groups["grpc"]));
                if (m.Groups["id"].Success)
                {
                    Remember(Number(m.Groups["id"]));
                }
            }

            _output.Enqueue(line);
        }
    }

    private List<int> Living() => [.. _born.Where(p => Signals.Birth(p.Key) == p.Value).Select(p => p.Key)];

    private void Remember(int process)
    {
        if (Signals.Birth(process) is { } birth)
        {
            _born[process] = birth;
        }
    }

    private static int Number(Group group) => int.Parse(group.Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^Started (?<label>\S+): (no process|process (?<id>\d+)), (app (?<address>\S+), )?Dapr HTTP (?<http>\d+), Dapr gRPC (?<grpc>\d+)$")]
    private static partial Regex StartedLine();
}
