using System.ComponentModel;
using System.Globalization;
using System.Net.Sockets;
using Sidecar.Server;

namespace Sidecar.Hosting;

/// <summary>A replica that has been started: its sidecar, and its process if it has a command that could be started.</summary>
internal sealed record RunningReplica(Replica Replica, AppSidecar Sidecar, AppProcess? Process)
{
    /// <summary>Starts the sidecar, then the app, as <c>dapr run -f</c> does. A program that cannot be started is reported, no more.</summary>
    /// <exception cref="InvalidOperationException">The sidecar did not start.</exception>
    public static async Task<RunningReplica> StartAsync(Replica replica, AppSidecar sidecar, HostConsole console, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        try
        {
            await sidecar.StartAsync(cancellation);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            throw new InvalidOperationException($"{replica.Label}: the sidecar did not start: {e.Message}", e);
        }

        AppProcess? process = null;
        if (replica.Command is { } command)
        {
            try
            {
                process = AppProcess.Start(replica.Label, command.Program, command.Arguments, command.Directory, replica.Environment, console);
            }
            catch (Win32Exception e)
            {
                console.ErrorLine($"error: {replica.Label}: '{command.Program}' cannot be started: {e.Message}");
            }
        }

        var app = replica.Address is { } address ? $"app {address}, " : "";
        var id = process is null ? "no process" : $"process {process.Id}";
        console.Line($"Started {replica.Label}: {id}, {app}Dapr HTTP {replica.App.HttpPort}, Dapr gRPC {replica.App.GrpcPort}");
        return new RunningReplica(replica, sidecar, process);
    }

    /// <summary>
    /// Returns when the app's port answers and its sidecar has found it well (waited for up to 10 s, since an app may choose
    /// to be unwell), or when the app has died; at once when it has no port or is not ours.
    /// </summary>
    public async Task AnsweringAsync(HostConsole console, TimeProvider time, CancellationToken cancellation)
    {
        if (Process is null || Replica.App.AppPort is not { } port)
        {
            return;
        }

        var started = time.GetTimestamp();
        var nextNote = TimeSpan.FromSeconds(15);
        long? answered = null;
        while (!Process.Exited.IsCompleted)
        {
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync(Replica.App.AppChannelAddress, port, cancellation);
                answered ??= time.GetTimestamp();
                if (Sidecar.AppIsHealthy || time.GetElapsedTime(answered.Value) > TimeSpan.FromSeconds(10))
                {
                    return;
                }
            }
            catch (SocketException)
            {
                // Not listening yet.
            }

            await Task.WhenAny(Process.Exited, Task.Delay(TimeSpan.FromMilliseconds(50), time, cancellation));
            cancellation.ThrowIfCancellationRequested();

            if (time.GetElapsedTime(started) > nextNote)
            {
                console.Line($"Still waiting for {Process.Label} to answer on port {port} …");
                nextNote += TimeSpan.FromSeconds(15);
            }
        }
    }

    /// <summary>Reports the end of the app, and of the sidecar, should either come before <paramref name="stopping"/> is cancelled.</summary>
    public void Watch(HostConsole console, CancellationToken stopping)
    {
        _ = WatchSidecarAsync();
        if (Process is not null)
        {
            _ = WatchAppAsync(Process);
        }

        async Task WatchSidecarAsync()
        {
            await Sidecar.Stopped;
            if (!stopping.IsCancellationRequested)
            {
                console.Line($"{Replica.Label}: its sidecar has shut down, as it was asked to over its API. It is not restarted.");
            }
        }

        async Task WatchAppAsync(AppProcess process)
        {
            var code = await process.Exited;
            if (!stopping.IsCancellationRequested)
            {
                console.ErrorLine(Obituary(process, code));
            }

            await Sidecar.AppDiedAsync();
        }
    }

    private static string Obituary(AppProcess process, int code)
    {
        var lines = process.LastLines;
        var signal = code > 128 ? $" (signal {(code - 128).ToString(CultureInfo.InvariantCulture)})" : "";
        var head = $"{process.Label} died with exit code {code}{signal}. It is not restarted; the others go on. {(lines.Count == 0 ? "It had written nothing." : "Its last lines:")}";
        return string.Join('\n', lines.Select(l => $"    {l}").Prepend(head));
    }
}
