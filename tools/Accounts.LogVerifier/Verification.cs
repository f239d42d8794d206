using System.Globalization;
using Accounts.Contracts;
using EventLog;
using Grpc.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using ServiceDefaults;

namespace Accounts.LogVerifier;

/// <summary>One run: partition after partition, then what was acknowledged; the first mismatch of each is told.</summary>
internal sealed class Verification(Options options, TimeProvider time, TextWriter output)
{
    private const int Well = 0;
    private const int Mismatch = 1;
    private const int Unfinished = 2;
    private const int Tries = 20;
    private static readonly TimeSpan TellEvery = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan SaveEvery = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(20);

    public async Task<int> RunAsync(CancellationToken stop)
    {
        try
        {
            await using var own = options.DataFolder is { } data ? await SidecarForData.StartAsync(data, options.Components, stop) : null;
            await using var services = Services(own?.Address ?? options.Sidecar);
            return await VerifyAsync(services, stop);
        }
        catch (Exception e) when (stop.IsCancellationRequested && e is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled })
        {
            Say(options.StateFile is null ? "Stopped. With --state it could go on from here." : "Stopped. The same command goes on from here.");
        }
        catch (Exception e) when (e is InvalidDataException or LogRefusedException or IOException or RpcException or TimeoutException or OperationCanceledException)
        {
            Say($"The verification could not be finished: {(e is RpcException rpc ? rpc.Status.Detail : e.Message)}");
        }

        return Unfinished;
    }

    private static ServiceProvider Services(Uri sidecar)
    {
        var settings = new Dictionary<string, string?> { ["DAPR_GRPC_ENDPOINT"] = sidecar.ToString(), ["DAPR_API_TOKEN"] = Environment.GetEnvironmentVariable("DAPR_API_TOKEN") };
        var services = new ServiceCollection();
        services.AddSingleton<IConfiguration>(new ConfigurationBuilder().AddInMemoryCollection(settings).Build());
        services.AddSidecarClients();
        services.AddLogReader(new LogOptions { Store = Components.EventLog, StoreTimeout = CallTimeout });
        return services.BuildServiceProvider();
    }

    private async Task<int> VerifyAsync(ServiceProvider services, CancellationToken stop)
    {
        var verifier = new EventLog.LogVerifier(services.StateStore(Components.EventLog, CallTimeout));
        var log = await InsistAsync(verifier.FindLogAsync, stop);
        if (log is null)
        {
            Say($"There is no log in component '{Components.EventLog}'.");
            return Unfinished;
        }

        Say($"Log {log.Id}, {log.Partitions} partitions");
        var state = StateFile.Open(options.StateFile, log);
        var wrong = new List<string>();
        try
        {
            foreach (var partition in state.Partitions)
            {
                await VerifyAsync(verifier, log, partition, state, wrong, stop);
            }
        }
        finally
        {
            Save(state);
        }

        if (options.Acknowledged is { } file)
        {
            var reader = services.GetRequiredService<LogReader>();
            wrong.AddRange(await InsistAsync(c => Acknowledged.CheckAsync(File.ReadLines(file), options.NothingElse, state, reader, c), stop));
        }

        wrong.ForEach(line => Say($"MISMATCH {line}"));
        Say($"{(wrong.Count == 0 ? "Verified" : "Not well")}: {Count(state.Partitions.Sum(p => p.Position))} records, {Count(state.Partitions.Sum(p => p.Commands))} commands, "
            + $"{Count(state.Partitions.Sum(p => p.Events))} events, {Count(state.Partitions.Sum(p => p.Streams))} accounts"
            + (options.Acknowledged is null || wrong.Count > 0 ? "" : "; all that was acknowledged is there" + (options.NothingElse ? ", and nothing else" : "")));
        return wrong.Count == 0 ? Well : Mismatch;
    }

    private async Task VerifyAsync(
        EventLog.LogVerifier verifier, LogDescription log, VerifiedPartition partition, StateFile state, List<string> wrong, CancellationToken stop)
    {
        // The state changes in whole pages only, between two awaits of the same task: it may be saved while nothing runs.
        var (told, saved) = (time.GetTimestamp(), time.GetTimestamp());
        void Progress()
        {
            if (time.GetElapsedTime(told) >= TellEvery)
            {
                told = time.GetTimestamp();
                Say($"Partition {partition.Partition}: verified up to {Count(partition.Position)}, {Count(partition.Events)} events");
            }

            if (time.GetElapsedTime(saved) >= SaveEvery)
            {
                Save(state);
                saved = time.GetTimestamp();
            }
        }

        try
        {
            await InsistAsync(
                async c =>
                {
                    await verifier.VerifyAsync(log, partition, Progress, c);
                    return true;
                },
                stop);
        }
        catch (LogBrokenException e)
        {
            wrong.Add($"at {e.Position}: {e.Message}");
        }
    }

    /// <summary>A sidecar that is just starting, or a store that is away for a moment, is asked again.</summary>
    private async Task<T> InsistAsync<T>(Func<CancellationToken, Task<T>> what, CancellationToken stop)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                return await what(stop);
            }
            catch (Exception e) when ((e is RpcException or IOException or OperationCanceledException) && !stop.IsCancellationRequested && tries < Tries)
            {
                if (tries == 3)
                {
                    Say($"The log cannot be read now, trying on: {(e is RpcException rpc ? rpc.Status.Detail : e.Message)}");
                }

                await Task.Delay(TimeSpan.FromMilliseconds(100 * tries), time, stop);
            }
        }
    }

    private void Save(StateFile state)
    {
        if (options.StateFile is { } path)
        {
            state.Save(path);
        }
    }

    private void Say(string line)
    {
        output.WriteLine(line);
        output.Flush();
    }

    private static string Count(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
