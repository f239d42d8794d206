using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace EventLog;

/// <summary>The log as the command service uses it: commands in, durable outcomes out.</summary>
public sealed class CommandLog<TState, TCommand, TEvent>
    where TState : class
    where TCommand : class
    where TEvent : class
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    private readonly IStateStore _store;
    private readonly PartitionRoutes _routes;
    private readonly Decider<TState, TCommand, TEvent> _decider;
    private readonly LogOptions _options;
    private readonly LogMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly Func<string> _newId;
    private readonly Func<int, Action<int, long>> _wakeUps;
    private readonly ILogger _log;
    private readonly CommandCodec<TState, TCommand, TEvent> _codec;
    private readonly Expiry _expiry;
    private readonly TaskCompletionSource _open = new();
    private Lane<TState, TCommand, TEvent>[] _lanes = [];
    private Task[] _running = [];
    private bool _routed;

    /// <summary>A log that is opened by <see cref="RunAsync"/>.</summary>
    /// <param name="store">The state store component that holds it.</param>
    /// <param name="routes">The way between the replicas.</param>
    /// <param name="decider">The aggregate.</param>
    /// <param name="options">Names and limits.</param>
    /// <param name="meter">For batches, commits and lost races.</param>
    /// <param name="wakeUps">Given the number of partitions, makes what is told of each commit: partition and position.</param>
    /// <param name="time">The clock.</param>
    /// <param name="newId">Makes ids (letters and digits) that never repeat, here or on another machine.</param>
    /// <param name="log">The log to operators.</param>
    public CommandLog(
        IStateStore store,
        PartitionRoutes routes,
        Decider<TState, TCommand, TEvent> decider,
        LogOptions options,
        Meter meter,
        Func<int, Action<int, long>> wakeUps,
        TimeProvider time,
        Func<string> newId,
        ILogger log)
    {
        (_store, _routes, _decider, _options, _wakeUps, _time, _newId, _log) = (store, routes, decider, options, wakeUps, time, newId, log);
        _expiry = new Expiry(options.AnswerWithin, time);
        _metrics = new LogMetrics(meter);
        _codec = new CommandCodec<TState, TCommand, TEvent>(decider);
        _routes.Receive = ReceiveAsync;
    }

    /// <summary>True once the log is open: from then on this replica can be given partitions.</summary>
    public bool IsOpen => _open.Task.IsCompletedSuccessfully;

    /// <summary>Null when the log is open and can take commands, else what it waits for.</summary>
    public string? NotReady =>
        !IsOpen ? $"the log in component '{_store.Name}' is not open yet"
        : !_routed ? "the partitions' actors have not answered yet"
        : Array.Find(_lanes, lane => lane.Writer.Broken is not null)?.Writer.Broken!.Message;

    /// <summary>What the store is known to be able to do; null: its check finds out when the log is opened.</summary>
    internal StoreAbilities? Abilities { get; init; }

    /// <summary>Where commits are shown; null: under the meter's name. The runtime keeps every source for ever.</summary>
    internal LogTracing? Tracing { get; init; }

    /// <summary>Decides a command and returns its outcome once that is durable.</summary>
    /// <exception cref="LogUnavailableException">There is no outcome (yet).</exception>
    public Task<Outcome<TState>> SubmitAsync(Submission<TCommand> submission, CancellationToken cancellation) =>
        SubmitAsync(
            new Pending<TState, TCommand>
            {
                Id = submission.Key ?? _newId(),
                Keyed = submission.Key is not null,
                Stream = submission.Stream,
                Command = submission.Command,
                Fingerprint = submission.Fingerprint,
                Expected = submission.Expected,
                CorrelationId = submission.CorrelationId,
                CausationId = submission.CausationId,
                TraceParent = submission.TraceParent,
                Received = _time.GetUtcNow(),
            },
            cancellation);

    /// <summary>The state of a stream at the end of the log (null: no events), with its version.</summary>
    /// <exception cref="LogUnavailableException">The log cannot be read now.</exception>
    public Task<Outcome<TState>> ReadAsync(string stream, CancellationToken cancellation) =>
        SubmitAsync(
            new Pending<TState, TCommand>
            {
                Id = _newId(),
                Keyed = false,
                Stream = stream,
                Command = null,
                Fingerprint = "",
                Expected = null,
                CorrelationId = "",
                CausationId = null,
                TraceParent = null,
                Received = _time.GetUtcNow(),
            },
            cancellation);

    /// <summary>
    /// Checks the store, opens or creates the log, and works until cancelled; then takes no more commands, answers those
    /// it has, and ends. A store or sidecar that is away is waited for.
    /// </summary>
    /// <exception cref="LogRefusedException">The store or the log cannot be used as configured.</exception>
    public async Task RunAsync(CancellationToken stopping)
    {
        try
        {
            await OpenAsync(stopping);
            await ReachRoutesAsync(stopping);
            await Task.Delay(Timeout.InfiniteTimeSpan, _time, stopping);
        }
        catch (Exception e) when (stopping.IsCancellationRequested && e is not LogRefusedException)
        {
            // Also when the store failed just then, while the log was being opened.
            foreach (var lane in _lanes)
            {
                lane.Complete();
            }

            await Task.WhenAll(_running);
        }
    }

    private async Task<Outcome<TState>> SubmitAsync(Pending<TState, TCommand> pending, CancellationToken cancellation)
    {
        using var expiry = _expiry.Token.UnsafeRegister(static state => ((Pending<TState, TCommand>)state!).Expire(), pending);
        if (!IsOpen)
        {
            await Task.WhenAny(_open.Task, pending.OutcomeAsync()).WaitAsync(cancellation);
        }

        if (pending.Outcome.IsCompleted)
        {
            return await pending.OutcomeAsync();
        }

        var lane = _lanes[Keys.PartitionOf(pending.Stream, _lanes.Length)];
        if (!lane.TrySubmit(pending))
        {
            throw new LogUnavailableException(pending.Id, notDone: true, "Too many commands wait, or the service is stopping.");
        }

        var outcome = await pending.OutcomeAsync().WaitAsync(cancellation);
        return outcome.Kind is OutcomeKind.Stopped && pending is { Travelled: true, Command: not null }
            ? throw new LogUnavailableException(pending.Id, notDone: false, "The stream waits for a newer version of the service, and a copy of the command may reach one.")
            : outcome;
    }

    private Task<JsonElement> ReceiveAsync(int partition, JsonElement message, CancellationToken cancellation) =>
        partition < _lanes.Length
            ? _lanes[partition].ReceiveAsync(message, cancellation)
            : throw new InvalidOperationException("The log is not open on this replica yet.");

    private async Task OpenAsync(CancellationToken stopping)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                var abilities = Abilities ?? await StoreCheck.RunAsync(_store, _newId(), stopping);
                var file = await LogFile.OpenAsync(_store, _options.Partitions, _newId, stopping);
                Open(file, abilities);
                return;
            }
            catch (Exception e) when (e is not LogRefusedException && !stopping.IsCancellationRequested)
            {
                if (tries == 5)
                {
                    _log.LogWarning(e, "The log in component {Store} cannot be opened yet; trying on", _store.Name);
                }

                var pause = TimeSpan.FromMilliseconds(250 * tries);
                await Task.Delay(pause < LongestPause ? pause : LongestPause, _time, stopping);
            }
        }
    }

    private void Open(LogFile file, StoreAbilities abilities)
    {
        var wakeUp = _wakeUps(file.Partitions);
        var self = _newId();
        var around = new WriterSurroundings(
            _time,
            _newId,
            (partition, position, commands, time) =>
            {
                _metrics.Committed(commands, time);
                wakeUp(partition, position);
            },
            partition =>
            {
                _metrics.LostRace(partition);
                _routes.GiveUp(partition);
            },
            Tracing ?? new LogTracing(new ActivitySource(_options.Meter)),
            _log);
        _lanes = [.. Enumerable.Range(0, file.Partitions).Select(partition => new Lane<TState, TCommand, TEvent>(
            partition,
            self,
            () => _metrics.SilentRoute(partition),
            _routes,
            new PartitionWriter<TState, TCommand, TEvent>(partition, _store, _decider, _options, abilities, around),
            _codec,
            _options,
            _time))];

        // The loops outlive the stop signal: they end when what they were given is answered.
        _running = [.. _lanes.SelectMany(lane => new[]
        {
            lane.RunAsync(CancellationToken.None),
            lane.Writer.RunAsync(CancellationToken.None),
        })];
        _log.LogInformation(
            "The log {LogId} in component {Store} is open: {Partitions} partitions", file.Id, _store.Name, file.Partitions);
        _open.SetResult();
    }

    /// <summary>
    /// Calls every partition's actor once, so that each has a holder with an open writer before the first command. Where
    /// the actors are away, commands work without them.
    /// </summary>
    private async Task ReachRoutesAsync(CancellationToken stopping)
    {
        for (var tries = 0; tries < 10; tries++)
        {
            var reached = await Task.WhenAll(_lanes.Select(lane => lane.TryReachRouteAsync(stopping)));
            if (Array.TrueForAll(reached, r => r))
            {
                break;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(200), _time, stopping);
        }

        _routed = true;
    }
}
