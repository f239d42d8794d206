using EventLog.Tests.Simulation;
using Microsoft.Extensions.Logging.Abstractions;
using TestSupport;

namespace EventLog.Tests.Stores;

/// <summary>A log on one replica. It holds the route itself, unless it is given another replica that does.</summary>
internal sealed class OpenLog : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly CommandLog<Tally, TallyCommand, TallyEvent> _log;
    private readonly Task _running;

    private readonly PartitionRoutes _routes;

    private OpenLog(IStateStore store, Decider<Tally, TallyCommand, TallyEvent> decider, LogOptions options, OpenLog? holder)
    {
        _routes = new PartitionRoutes("test", (partition, message, cancellation) => (holder ?? this)._routes.ReceivedAsync(partition, message, cancellation));
        _log = new CommandLog<Tally, TallyCommand, TallyEvent>(
            store, _routes, decider, options, new System.Diagnostics.Metrics.Meter("test"), _ => (_, _) => { }, TimeProvider.System, () => Guid.NewGuid().ToString("N"), NullLogger.Instance);
        _running = _log.RunAsync(_stop.Token);
    }

    /// <summary>A log that is open and ready.</summary>
    public static async Task<OpenLog> StartAsync(
        IStateStore store, Decider<Tally, TallyCommand, TallyEvent>? decider = null, int partitions = 1, int queueLimit = 8192, OpenLog? holder = null, TimeSpan? answerWithin = null)
    {
        var log = new OpenLog(store, decider ?? Tallies.Decider, Options(partitions, queueLimit, answerWithin), holder);
        await Eventually.True(() => log._log.NotReady is null, "the log is open");
        return log;
    }

    /// <summary>A log that is being opened, and may never be.</summary>
    public static OpenLog Begin(IStateStore store) => new(store, Tallies.Decider, Options(), null);

    public string? NotReady => _log.NotReady;

    public Task<Outcome<Tally>> ReadAsync(string stream) => _log.ReadAsync(stream, CancellationToken.None);

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

    private static LogOptions Options(int partitions = 1, int queueLimit = 8192, TimeSpan? answerWithin = null) => new()
    {
        Partitions = partitions,
        QueueLimit = queueLimit,
        SnapshotEvery = TimeSpan.FromSeconds(1),
        Remember = TimeSpan.FromSeconds(1),
        AnswerWithin = answerWithin ?? new LogOptions().AnswerWithin,
    };
}
