using System.ComponentModel;
using System.Globalization;
using System.Net.Sockets;
using Sidecar.Configuration;
using Sidecar.Server;

namespace Sidecar.Hosting;

/// <summary>Runs everything that a run file names, until it is asked to stop.</summary>
internal sealed class RunFileHost(RunOptions options, HostConsole console, StopRequests requests, TimeProvider time, Random random)
{
    private readonly List<(Replica Replica, AppSidecar Sidecar, AppProcess? Process)> _running = [];
    private bool _stopping;

    /// <summary>The exit code: 0 after a stop, 2 when something is wrong with the configuration, 1 when starting failed otherwise.</summary>
    public async Task<int> RunAsync()
    {
        var findings = new Findings();
        var plan = Plan.Make(options, new Ports(random), findings);
        console.Line(plan.ComponentsNote);
        using var data = DataFolder.Open(options.DataFolder, findings);
        foreach (var warning in findings.Warnings)
        {
            console.Line($"warning: {warning}");
        }

        if (findings.Errors.Count > 0 || data is null)
        {
            console.ErrorLine($"{findings.Errors.Count} error{(findings.Errors.Count == 1 ? "" : "s")}; nothing was started.");
            foreach (var error in findings.Errors)
            {
                console.ErrorLine($"error: {error}");
            }

            return 2;
        }

        try
        {
            if (await BuiltAsync(plan.Replicas) is not { } replicas)
            {
                return 2;
            }

            return await RunAsync(replicas, data);
        }
        catch (OperationCanceledException) when (requests.Stop.IsCancellationRequested)
        {
            return 0;
        }
    }

    private async Task<IReadOnlyList<Replica>?> BuiltAsync(IReadOnlyList<Replica> replicas)
    {
        var targets = new Dictionary<(string, string), string>();
        var built = new List<Replica>();
        foreach (var replica in replicas)
        {
            if (replica.Command is not { Run: { } run } command)
            {
                built.Add(replica);
                continue;
            }

            var key = (run.Project, string.Join(' ', run.BuildArguments));
            if (!targets.TryGetValue(key, out var target))
            {
                if (await Builds.TargetAsync(command.Program, run, console, requests.Stop) is not { } made)
                {
                    return null;
                }

                targets[key] = target = made;
            }

            built.Add(replica with { Command = command with { Arguments = [target, .. command.Arguments] } });
        }

        return built;
    }

    private async Task<int> RunAsync(IReadOnlyList<Replica> replicas, DataFolder data)
    {
        if (options.Fresh)
        {
            data.Empty();
        }

        data.Own(replicas.SelectMany(r => r.Resources.Components).Select(SqliteFile.Of).OfType<string>());
        Processes.AdoptOrphans();
        using var loggers = LoggerFactory.Create(l => l.AddProvider(new ConsoleLog(console)).AddFilter("Microsoft", LogLevel.Warning).AddFilter("Grpc", LogLevel.Warning));
        var neighbourhood = new Neighbourhood(data.Location, time, loggers);
        var exitCode = 0;
        try
        {
            foreach (var replica in replicas)
            {
                await StartAsync(replica, neighbourhood);
            }

            await Task.WhenAll(_running.Select(AnsweringAsync));
            ReportReady(data);
            await Task.Delay(Timeout.Infinite, requests.Stop);
        }
        catch (OperationCanceledException) when (requests.Stop.IsCancellationRequested)
        {
            console.Line("Stopping …");
        }
        catch (Exception e) when (e is IOException or SocketException or Win32Exception or InvalidOperationException)
        {
            console.ErrorLine($"error: {e.Message}");
            exitCode = 1;
        }

        await StopAsync(neighbourhood);
        return exitCode;
    }

    private async Task StartAsync(Replica replica, Neighbourhood neighbourhood)
    {
        requests.Stop.ThrowIfCancellationRequested();
        var sidecar = new AppSidecar(replica.App, replica.Resources, neighbourhood);
        try
        {
            await sidecar.StartAsync(requests.Stop);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new InvalidOperationException($"{replica.Label}: the sidecar did not start: {e.Message}", e);
        }

        _ = ReportSidecarEndAsync(replica, sidecar);
        AppProcess? process = null;
        if (replica.Command is { } command)
        {
            try
            {
                process = AppProcess.Start(replica.Label, command.Program, command.Arguments, replica.App.Directory, replica.Environment, console);
                _ = ReportDeathAsync(process);
            }
            catch (Win32Exception e)
            {
                console.ErrorLine($"error: {replica.Label}: '{command.Program}' cannot be started: {e.Message}");
            }
        }

        _running.Add((replica, sidecar, process));
        var app = replica.Address is { } address ? $"app {address}, " : "";
        var id = process is null ? "no process" : $"process {process.Id}";
        console.Line($"Started {replica.Label}: {id}, {app}Dapr HTTP {replica.App.HttpPort}, Dapr gRPC {replica.App.GrpcPort}");
    }

    /// <summary>Returns when the app's port answers or the app has died; at once when it has no port or is not ours.</summary>
    private async Task AnsweringAsync((Replica Replica, AppSidecar Sidecar, AppProcess? Process) running)
    {
        if (running is not { Process: { } process, Replica.App: { AppPort: { } port } app })
        {
            return;
        }

        var started = time.GetTimestamp();
        var nextNote = TimeSpan.FromSeconds(15);
        while (!process.Exited.IsCompleted)
        {
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync(app.AppChannelAddress, port, requests.Stop);
                return;
            }
            catch (SocketException)
            {
                await Task.WhenAny(process.Exited, Task.Delay(TimeSpan.FromMilliseconds(50), time, requests.Stop));
                requests.Stop.ThrowIfCancellationRequested();
            }

            if (time.GetElapsedTime(started) > nextNote)
            {
                console.Line($"Still waiting for {process.Label} to answer on port {port} …");
                nextNote += TimeSpan.FromSeconds(15);
            }
        }
    }

    private void ReportReady(DataFolder data)
    {
        console.Line();
        foreach (var line in ReadyTable.Lines(_running.Select(r => r.Replica), r => _running.Find(x => x.Replica == r).Process))
        {
            console.Line(line);
        }

        console.Line();
        console.Line($"Data: {data.Location}");
        console.Line("Ready. Ctrl-C stops everything.");
    }

    private async Task ReportDeathAsync(AppProcess process)
    {
        var code = await process.Exited;
        if (_stopping || requests.Stop.IsCancellationRequested)
        {
            return;
        }

        var lines = process.LastLines;
        var signal = code > 128 ? $" (signal {(code - 128).ToString(CultureInfo.InvariantCulture)})" : "";
        console.ErrorLine(string.Join('\n', lines
            .Select(l => $"    {l}")
            .Prepend($"{process.Label} died with exit code {code}{signal}. It is not restarted; the others go on. {(lines.Count == 0 ? "It had written nothing." : "Its last lines:")}")));
    }

    private async Task ReportSidecarEndAsync(Replica replica, AppSidecar sidecar)
    {
        await sidecar.Stopped;
        if (!_stopping)
        {
            console.Line($"{replica.Label}: its sidecar has shut down, as it was asked to over its API. It is not restarted.");
        }
    }

    /// <summary>
    /// Apps first, while their sidecars still serve; then the sidecars; then the data. Each step has its bound, 18 s in
    /// all.
    /// </summary>
    private async Task StopAsync(Neighbourhood neighbourhood)
    {
        _stopping = true;
        await AppShutdown.RunAsync([.. _running.Select(r => r.Process).OfType<AppProcess>()], console, requests.Kill);
        await WithinAsync("a sidecar", TimeSpan.FromSeconds(4), Task.WhenAll(Enumerable.Reverse(_running).Select(r => r.Sidecar.StopAsync())));
        await WithinAsync("the data", TimeSpan.FromSeconds(3), DisposeAsync(neighbourhood.Made));
        console.Line("Stopped.");
    }

    private async Task WithinAsync(string what, TimeSpan bound, Task task)
    {
        try
        {
            await task.WaitAsync(requests.Kill.IsCancellationRequested ? TimeSpan.FromSeconds(1) : bound, time);
        }
        catch (Exception e)
        {
            console.ErrorLine($"error: closing {what}: {e.Message}");
        }
    }

    private static async Task DisposeAsync(IEnumerable<object> made)
    {
        foreach (var thing in made.Reverse())
        {
            if (thing is IAsyncDisposable asynchronous)
            {
                await asynchronous.DisposeAsync();
            }
            else
            {
                (thing as IDisposable)?.Dispose();
            }
        }
    }
}
