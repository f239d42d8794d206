using Sidecar.Actors;
using Sidecar.Configuration;
using Sidecar.Faults;
using Sidecar.Server;

namespace Sidecar.Hosting;

/// <summary>Runs everything that a run file names, until it is asked to stop.</summary>
internal sealed class RunFileHost(RunOptions options, HostConsole console, StopRequests requests, TimeProvider time, Random random)
{
    private readonly Dictionary<string, AppSidecar> _sidecars = [];
    private readonly List<RunningReplica> _running = [];
    private FaultsApi? _faults;

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
            return Refuse(findings.Errors);
        }

        using var loggers = LoggerFactory.Create(l => l.AddProvider(new ConsoleLog(console)).AddFilter("Microsoft", LogLevel.Warning).AddFilter("Grpc", LogLevel.Warning));
        var neighbourhood = new Neighbourhood(data.Location, time, loggers, random);
        try
        {
            // What --fresh deletes is gone for good, so it goes last: when the components are right and the apps are built.
            var problems = options.Fresh ? await TryAsync(plan.Replicas) : Open(plan.Replicas, neighbourhood, data);
            if (problems.Count > 0)
            {
                return Refuse(problems);
            }

            if (await BuiltAsync(plan.Replicas) is not { } replicas)
            {
                return 2;
            }

            if (options.Fresh)
            {
                data.Empty(findings);
                problems = findings.Errors.Count > 0 ? findings.Errors : Open(plan.Replicas, neighbourhood, data);
                if (problems.Count > 0)
                {
                    return Refuse(problems);
                }
            }

            return await RunAsync(replicas, neighbourhood);
        }
        catch (OperationCanceledException) when (requests.Stop.IsCancellationRequested)
        {
            return 0;
        }
        finally
        {
            await WithinAsync("the faults", TimeSpan.FromSeconds(1), _faults?.DisposeAsync().AsTask() ?? Task.CompletedTask);
            await WithinAsync("a sidecar", TimeSpan.FromSeconds(4), Task.WhenAll(_sidecars.Values.Reverse().Select(s => s.DisposeAsync().AsTask())));
            await WithinAsync("the data", TimeSpan.FromSeconds(3), DisposeAsync(neighbourhood.Made));
            if (_running.Count > 0)
            {
                console.Line("Stopped.");
            }
        }
    }

    private int Refuse(IReadOnlyList<string> errors)
    {
        console.ErrorLine($"{errors.Count} error{(errors.Count == 1 ? "" : "s")}; nothing was started.");
        foreach (var error in errors)
        {
            console.ErrorLine($"error: {error}");
        }

        return 2;
    }

    /// <summary>Opens what the components of all sidecars need, files and secrets, and gives the problems with that.</summary>
    private IReadOnlyList<string> Open(IReadOnlyList<Replica> replicas, Neighbourhood neighbourhood, DataFolder data)
    {
        var findings = new Findings();
        data.Own(replicas.SelectMany(r => r.Resources.Components).Select(SqliteFile.Of).OfType<string>().Append(ReminderFile.Name), findings);
        return findings.Errors.Count > 0
            ? findings.Errors
            : [.. replicas.SelectMany(r => Open(r, neighbourhood, s => _sidecars[r.Label] = s)).Distinct()];
    }

    /// <summary>Opens the components once for nothing, where no data is: the old data need not be readable to be deleted.</summary>
    private async Task<IReadOnlyList<string>> TryAsync(IReadOnlyList<Replica> replicas)
    {
        var sidecars = new List<AppSidecar>();
        var folder = Directory.CreateTempSubdirectory("sidecar-");
        var neighbourhood = new Neighbourhood(folder.FullName, time);
        try
        {
            return [.. replicas.SelectMany(r => Open(r, neighbourhood, sidecars.Add)).Distinct()];
        }
        finally
        {
            await Task.WhenAll(sidecars.Select(s => s.DisposeAsync().AsTask()));
            await DisposeAsync(neighbourhood.Made);
            folder.Delete(recursive: true);
        }
    }

    private static string[] Open(Replica replica, Neighbourhood neighbourhood, Action<AppSidecar> made)
    {
        try
        {
            made(new AppSidecar(replica.App, replica.Resources, neighbourhood));
            return [];
        }
        catch (InvalidOperationException e)
        {
            return [.. e.Message.Split('\n').Select(l => $"{l} Correct the component's file.")];
        }
    }

    private async Task<IReadOnlyList<Replica>?> BuiltAsync(IReadOnlyList<Replica> replicas) =>
        await Builds.RunAsync([.. replicas.Select(replica => replica.Command).OfType<AppCommand>()], console, requests.Stop) is { } built
            ? [.. replicas.Select(replica => replica.Command is { Run: { } run } command ? replica with { Command = command.Of(built[run]) } : replica)]
            : null;

    private async Task<int> RunAsync(IReadOnlyList<Replica> replicas, Neighbourhood neighbourhood)
    {
        Processes.AdoptOrphans();
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(requests.Stop);
        var exitCode = 0;
        try
        {
            if (options.FaultsPort is { } port)
            {
                var scene = FaultScene.Of(replicas.Select(r => r.App.AppId), replicas.SelectMany(r => r.Resources.Components));
                _faults = await FaultsApi.StartAsync(port, neighbourhood.Faults, scene, requests.Stop);
            }

            foreach (var replica in replicas)
            {
                var running = await RunningReplica.StartAsync(replica, _sidecars[replica.Label], console, requests.Stop);
                _running.Add(running);
                running.Watch(console, stopping.Token);
            }

            await Task.WhenAll(_running.Select(r => r.AnsweringAsync(console, time, requests.Stop)));
            ReportReady(neighbourhood.DataFolder);
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

        // The sidecars still serve now. With their end and that of the data, which come next, all is over within 18 s.
        await stopping.CancelAsync();
        await AppShutdown.RunAsync([.. _running.Select(r => r.Process).OfType<AppProcess>()], console, requests.Kill);
        return exitCode;
    }

    private void ReportReady(string data)
    {
        console.Line();
        foreach (var line in ReadyTable.Lines(_running))
        {
            console.Line(line);
        }

        console.Line();
        if (options.FaultsPort is { } port)
        {
            console.Line($"Faults: http://127.0.0.1:{port}/faults (PUT, GET, DELETE)");
        }

        console.Line($"Data: {data}");
        console.Line("Ready. Ctrl-C stops everything.");
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
