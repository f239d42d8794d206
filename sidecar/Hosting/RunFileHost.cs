using Sidecar.Configuration;
using Sidecar.Server;

namespace Sidecar.Hosting;

/// <summary>Runs everything that a run file names, until it is asked to stop.</summary>
internal sealed class RunFileHost(RunOptions options, HostConsole console, StopRequests requests, TimeProvider time, Random random)
{
    private readonly List<RunningReplica> _running = [];

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
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(requests.Stop);
        var exitCode = 0;
        try
        {
            foreach (var replica in replicas)
            {
                var running = await RunningReplica.StartAsync(replica, neighbourhood, console, requests.Stop);
                _running.Add(running);
                running.Watch(console, stopping.Token);
            }

            await Task.WhenAll(_running.Select(r => r.AnsweringAsync(console, time, requests.Stop)));
            ReportReady(data);
            await Task.Delay(Timeout.Infinite, requests.Stop);
        }
        catch (OperationCanceledException) when (requests.Stop.IsCancellationRequested)
        {
            console.Line("Stopping …");
        }
        catch (Exception e)
        {
            // Whatever it was, the apps that run already must not be left alone.
            console.ErrorLine($"error: {e.Message}");
            exitCode = 1;
        }

        await stopping.CancelAsync();
        await StopAsync(neighbourhood);
        return exitCode;
    }

    private void ReportReady(DataFolder data)
    {
        console.Line();
        foreach (var line in ReadyTable.Lines(_running))
        {
            console.Line(line);
        }

        console.Line();
        console.Line($"Data: {data.Location}");
        console.Line("Ready. Ctrl-C stops everything.");
    }

    /// <summary>
    /// Apps first, while their sidecars still serve; then the sidecars; then the data. Each step has its bound, 18 s in
    /// all.
    /// </summary>
    private async Task StopAsync(Neighbourhood neighbourhood)
    {
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
        foreach (var thing in made)
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
