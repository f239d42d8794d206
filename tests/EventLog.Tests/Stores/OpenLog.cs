using EventLog.Tests.Simulation;
using Microsoft.Extensions.Logging.Abstractions;
using TestSupport;

namespace EventLog.Tests.Stores;

/// <summary>A log on one replica of which nobody else holds the route: its calls come back to itself.</summary>
internal sealed class OpenLog : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly CommandLog<Tally, TallyCommand, TallyEvent> _log;
    private readonly Task _running;

    private OpenLog(IStateStore store, Decider<Tally, TallyCommand, TallyEvent> decider, LogOptions options)
    {
        PartitionRoutes? routes = null;
        routes = new PartitionRoutes("test", (partition, message, cancellation) => routes!.ReceivedAsync(partition, message, cancellation));
        _log = new CommandLog<Tally, TallyCommand, TallyEvent>(
            store, routes, decider, options, new System.Diagnostics.Metrics.Meter("test"), _ => (_, _) => { }, TimeProvider.System, () => Guid.NewGuid().ToString("N"), NullLogger.Instance);
        _running = _log.RunAsync(_stop.Token);
    }

    public static async Task<OpenLog> StartAsync(
        IStateStore store, Decider<Tally, TallyCommand, TallyEvent>? decider = null, int partitions = 1, int queueLimit = 8192)
    {
        var log = new OpenLog(
            store, decider ?? Tallies.Decider,
            new LogOptions { Partitions = partitions, QueueLimit = queueLimit, SnapshotEvery = TimeSpan.FromSeconds(1), Remember = TimeSpan.FromSeconds(1) });
        await Eventually.True(() => log._log.NotReady is null, "the log is open");
        return log;
    }

    public Task<Outcome<Tally>> SubmitAsync(string stream, string verb, string? key = null, long by = 1) => _log.SubmitAsync(
        new Submission<TallyCommand>
        {
            Stream = stream,
            Command = new TallyCommand(verb, by),
            Key = key,
            Fingerprint = verb,
            CorrelationId = "test",
        },
        CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _stop.Dispose();
    }
}
