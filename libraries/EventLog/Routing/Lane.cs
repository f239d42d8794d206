using System.Collections.Concurrent;
using System.Text.Json;
using System.Threading.Channels;

namespace EventLog;

/// <summary>
/// One partition as one replica sees it: its own writer, and the way to the replica that holds the route. A command goes
/// straight to the writer where the route is held, else it travels; when the route is silent it comes back.
/// </summary>
internal sealed class Lane<TState, TCommand, TEvent>
    where TState : class
    where TCommand : class
    where TEvent : class
{
    private const int MostCommandsInOneCall = 512;

    // A holder still at work says so within this time, so that only silence means silence. The time is divided among the
    // replicas that ask, because an actor serves one call after the other.
    private static readonly TimeSpan SayWorkingAfter = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan RememberAsker = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan AskSilentRouteEvery = TimeSpan.FromSeconds(3);

    private readonly int _partition;
    private readonly string _self;
    private readonly Action _silent;
    private readonly PartitionRoutes _routes;
    private readonly PartitionWriter<TState, TCommand, TEvent> _writer;
    private readonly CommandCodec<TState, TCommand, TEvent> _codec;
    private readonly LogOptions _options;
    private readonly TimeProvider _time;
    private readonly Channel<Pending<TState, TCommand>> _travelling = Channel.CreateUnbounded<Pending<TState, TCommand>>();
    private readonly ConcurrentDictionary<(string Stream, string Id, string Fingerprint), Pending<TState, TCommand>> _arrived = new();
    private readonly ConcurrentDictionary<string, DateTimeOffset> _askers = new();
    private volatile bool _completed;
    private long _askAgain;
    private int _asking;

    public Lane(
        int partition,
        string self,
        Action silent,
        PartitionRoutes routes,
        PartitionWriter<TState, TCommand, TEvent> writer,
        CommandCodec<TState, TCommand, TEvent> codec,
        LogOptions options,
        TimeProvider time) =>
        (_partition, _self, _silent, _routes, _writer, _codec, _options, _time) = (partition, self, silent, routes, writer, codec, options, time);

    public PartitionWriter<TState, TCommand, TEvent> Writer => _writer;

    private bool Silent => Volatile.Read(ref _askAgain) != 0;

    /// <summary>Sends a command on its way; false when too many wait already.</summary>
    public bool TrySubmit(Pending<TState, TCommand> pending)
    {
        if (_routes.Holds(_partition))
        {
            return _writer.TryEnqueue(pending);
        }

        if (Silent)
        {
            AskSilentRoute();
            return _writer.TryEnqueue(pending);
        }

        return _travelling.Reader.Count < _options.QueueLimit && _travelling.Writer.TryWrite(pending);
    }

    /// <summary>Takes no more commands; <see cref="RunAsync"/> ends when all are answered.</summary>
    public void Complete()
    {
        _completed = true;
        _travelling.Writer.TryComplete();
    }

    /// <summary>Sends what has to travel, one call at a time: what comes up meanwhile goes with the next.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        var asked = new List<Pending<TState, TCommand>>();
        while (asked.Count > 0 || await _travelling.Reader.WaitToReadAsync(cancellation))
        {
            while (asked.Count < MostCommandsInOneCall && _travelling.Reader.TryRead(out var pending))
            {
                asked.Add(pending);
            }

            if (Silent || !await TryCallAsync(asked, cancellation))
            {
                foreach (var pending in asked)
                {
                    Enqueue(pending);
                }

                asked.Clear();
            }
        }

        _writer.Complete();
    }

    /// <summary>Makes sure that some replica holds the partition; true when the route answered.</summary>
    public Task<bool> TryReachRouteAsync(CancellationToken cancellation) => TryCallAsync([], cancellation);

    /// <summary>What another replica (or this one, through its sidecar) sends to the holder of the route.</summary>
    /// <exception cref="InvalidOperationException">This replica stops: the asking one is to use its own writer.</exception>
    public async Task<JsonElement> ReceiveAsync(JsonElement message, CancellationToken cancellation)
    {
        if (_completed)
        {
            throw new InvalidOperationException("This replica is stopping.");
        }

        var request = message.Deserialize(LogJson.Default.RouteRequest)!;
        if (request.Commands.Count == 0)
        {
            // Who only asks whether somebody is there may send commands soon; these would open the writer themselves.
            _writer.Expect();
        }

        var commands = new Pending<TState, TCommand>?[request.Commands.Count];
        for (var i = 0; i < commands.Length; i++)
        {
            commands[i] = Arrive(request.Commands[i]);
        }

        var all = Task.WhenAll(commands.OfType<Pending<TState, TCommand>>().Select(c => c.OutcomeAsync()));
        await ((Task)all).WaitAsync(SayWorkingAfter / Askers(request.From), _time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        var reply = new RouteReply([.. commands.Select(_codec.Answer)]);
        return JsonSerializer.SerializeToElement(reply, LogJson.Default.RouteReply);
    }

    private int Askers(string from)
    {
        var now = _time.GetUtcNow();
        _askers[from] = now;
        foreach (var (asker, last) in _askers)
        {
            if (now - last > RememberAsker)
            {
                _askers.TryRemove(asker, out _);
            }
        }

        return Math.Max(1, _askers.Count);
    }

    private Pending<TState, TCommand>? Arrive(RoutedCommand routed)
    {
        var key = (routed.Stream, routed.Id, routed.Fingerprint);
        if (_codec.Read(routed) is not { } arriving)
        {
            return null;
        }

        var pending = _arrived.GetOrAdd(key, arriving);
        if (ReferenceEquals(pending, arriving))
        {
            // Asked for again while it is at work, it is found here; afterwards the writer remembers it.
            _ = ForgetWhenAnsweredAsync(key, pending);
            Enqueue(pending);
        }

        return pending;
    }

    private async Task ForgetWhenAnsweredAsync((string, string, string) key, Pending<TState, TCommand> pending)
    {
        await ((Task)pending.Outcome).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        _arrived.TryRemove(key, out _);
    }

    private void Enqueue(Pending<TState, TCommand> pending)
    {
        if (!_writer.TryEnqueue(pending))
        {
            pending.Fail("Too many commands wait for the partition.");
        }
    }

    /// <summary>One call with everything that has no answer yet; removes what got one. False: the route is silent.</summary>
    private async Task<bool> TryCallAsync(List<Pending<TState, TCommand>> asked, CancellationToken cancellation)
    {
        asked.RemoveAll(p => p.Outcome.IsCompleted || !p.Take());
        asked.ForEach(p => p.Travelled = true);
        try
        {
            var request = new RouteRequest([.. asked.Select(_codec.Write)], _self);
            using var silence = new CancellationTokenSource(_options.RouteSilence, _time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, silence.Token);
            var answer = await _routes.CallAsync(_partition, JsonSerializer.SerializeToElement(request, LogJson.Default.RouteRequest), either.Token);
            var answers = answer.Deserialize(LogJson.Default.RouteReply)!.Answers;
            for (var i = asked.Count - 1; i >= 0; i--)
            {
                _codec.Finish(asked[i], answers[i], _partition);
                if (answers[i].Declined)
                {
                    Enqueue(asked[i]);
                    asked.RemoveAt(i);
                }
            }

            asked.RemoveAll(p => p.Outcome.IsCompleted);
            Volatile.Write(ref _askAgain, 0);
            return true;
        }
        catch (Exception) when (!cancellation.IsCancellationRequested)
        {
            Volatile.Write(ref _askAgain, (_time.GetUtcNow() + AskSilentRouteEvery).UtcTicks);
            _silent();
            return false;
        }
    }

    private void AskSilentRoute()
    {
        if (_time.GetUtcNow().UtcTicks >= Volatile.Read(ref _askAgain) && Interlocked.Exchange(ref _asking, 1) == 0)
        {
            _ = AskAsync();
        }

        async Task AskAsync()
        {
            await TryReachRouteAsync(CancellationToken.None);
            Volatile.Write(ref _asking, 0);
        }
    }
}
