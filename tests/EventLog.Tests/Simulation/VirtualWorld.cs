namespace EventLog.Tests.Simulation;

/// <summary>
/// One thread, one clock, one source of chance: every continuation and every timer of a run is carried out here, in an
/// order that the seed chooses. The same seed gives the same run.
/// </summary>
public sealed class VirtualWorld(int seed) : SynchronizationContext
{
    private static readonly DateTimeOffset Beginning = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly List<(ReplicaContext? Replica, SendOrPostCallback Callback, object? State)> _ready = [];
    private readonly PriorityQueue<VirtualTimer, (long At, long Order)> _timers = new();
    private readonly Dictionary<TimeSpan, TimeProvider> _clocks = [];
    private long _order;

    public Random Chance { get; } = new(seed);

    /// <summary>Time since the beginning of the run.</summary>
    public TimeSpan Now { get; private set; }

    /// <summary>The world's clock as one replica sees it, wrong by so much.</summary>
    public TimeProvider Clock(TimeSpan wrongBy = default) =>
        _clocks.TryGetValue(wrongBy, out var clock) ? clock : _clocks[wrongBy] = new VirtualClock(this, wrongBy);

    public override void Post(SendOrPostCallback d, object? state) => _ready.Add((null, d, state));

    internal void Post(ReplicaContext replica, SendOrPostCallback d, object? state) => _ready.Add((replica, d, state));

    public override void Send(SendOrPostCallback d, object? state) => throw new NotSupportedException();

    public override SynchronizationContext CreateCopy() => this;

    /// <summary>A pause of up to so many milliseconds, chosen by the seed.</summary>
    public Task PauseAsync(int mostMilliseconds, CancellationToken cancellation = default) =>
        Task.Delay(TimeSpan.FromMilliseconds(Chance.NextDouble() * mostMilliseconds), Clock(), cancellation);

    /// <summary>Carries something out later, whatever becomes of the replica that asked for it.</summary>
    public void Later(TimeSpan after, Action what)
    {
        var timer = new VirtualTimer(this, _ => what(), null);
        timer.Change(after, Timeout.InfiniteTimeSpan);
    }

    public bool Happens(double probability) => probability > 0 && Chance.NextDouble() < probability;

    /// <summary>Runs until the task has ended, and throws what it threw.</summary>
    public void Run(Func<Task> main, TimeSpan limit)
    {
        var before = Current;
        SetSynchronizationContext(this);
        try
        {
            var task = main();
            while (!task.IsCompleted)
            {
                if (_ready.Count > 0)
                {
                    var next = Chance.Next(_ready.Count);
                    var (replica, callback, state) = _ready[next];
                    _ready[next] = _ready[^1];
                    _ready.RemoveAt(_ready.Count - 1);
                    if (replica is null)
                    {
                        callback(state);
                    }
                    else if (replica.MayRun(callback, state))
                    {
                        SetSynchronizationContext(replica);
                        callback(state);
                        SetSynchronizationContext(this);
                    }
                }
                else if (Now > limit || !AdvanceToNextTimer())
                {
                    throw new TimeoutException($"The run stands still after {Now.TotalSeconds:0.0} virtual seconds.");
                }
            }

            task.GetAwaiter().GetResult();
        }
        finally
        {
            SetSynchronizationContext(before);
        }
    }

    /// <summary>Runs something as a replica, and gives its result to whoever asks, in their own context.</summary>
    public Task<T> RunAs<T>(ReplicaContext replica, Func<Task<T>> what)
    {
        var result = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(replica, async _ =>
        {
            try
            {
                result.TrySetResult(await what());
            }
            catch (Exception e)
            {
                result.TrySetException(e);

                // Observed here: whoever asked may be gone, and the finalizer's work would be a tenth of the whole.
                _ = result.Task.Exception;
            }
        }, null);
        return result.Task;
    }

    private bool AdvanceToNextTimer()
    {
        while (_timers.TryDequeue(out var timer, out var due))
        {
            if (timer.Expects(due.Order))
            {
                Now = TimeSpan.FromTicks(Math.Max(Now.Ticks, due.At));
                timer.Fire();
                return true;
            }
        }

        return false;
    }

    /// <summary>The thread of one replica: paused, it holds what comes up; killed, it drops it.</summary>
    public sealed class ReplicaContext(VirtualWorld world) : SynchronizationContext
    {
        private readonly List<(SendOrPostCallback, object?)> _held = [];
        private Action? _strike;
        private int _awaitsUntilStrike;

        public bool Dead { get; set; }

        public bool Paused { get; private set; }

        public override void Post(SendOrPostCallback d, object? state) => world.Post(this, d, state);

        public override void Send(SendOrPostCallback d, object? state) => throw new NotSupportedException();

        public override SynchronizationContext CreateCopy() => this;

        public void Pause() => Paused = true;

        /// <summary>Lets something happen at one of the replica's next awaits, just before what would follow it.</summary>
        public void StrikeAt(int awaits, Action strike) => (_awaitsUntilStrike, _strike) = (awaits, strike);

        /// <summary>Ends a pause, and calls off a strike that is still to come.</summary>
        public void Continue()
        {
            Paused = false;
            _awaitsUntilStrike = 0;
            foreach (var (callback, state) in _held)
            {
                Post(callback, state);
            }

            _held.Clear();
        }

        internal bool MayRun(SendOrPostCallback callback, object? state)
        {
            if (!Dead && _awaitsUntilStrike > 0 && --_awaitsUntilStrike == 0)
            {
                _strike!();
            }

            if (Paused && !Dead)
            {
                _held.Add((callback, state));
            }

            return !Paused && !Dead;
        }
    }

    private sealed class VirtualClock(VirtualWorld world, TimeSpan wrongBy) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => Beginning + world.Now + wrongBy;

        public override long GetTimestamp() => world.Now.Ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = new VirtualTimer(world, callback, state);
            timer.Change(dueTime, period);
            return timer;
        }
    }

    private sealed class VirtualTimer(VirtualWorld world, TimerCallback callback, object? state) : ITimer
    {
        private long _expected = -1;
        private TimeSpan _period = Timeout.InfiniteTimeSpan;

        public bool Expects(long order) => _expected == order;

        public void Fire()
        {
            _expected = -1;
            if (_period > TimeSpan.Zero)
            {
                Schedule(_period);
            }

            callback(state);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            _period = period;
            if (dueTime == Timeout.InfiniteTimeSpan)
            {
                _expected = -1;
            }
            else
            {
                Schedule(dueTime);
            }

            return true;
        }

        public void Dispose() => _expected = -1;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Schedule(TimeSpan after)
        {
            _expected = world._order++;
            world._timers.Enqueue(this, (world.Now.Ticks + Math.Max(0, after.Ticks), _expected));
        }
    }
}
