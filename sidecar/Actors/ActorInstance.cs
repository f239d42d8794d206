namespace Sidecar.Actors;

/// <summary>
/// An active actor: a line of calls of which one at a time is let through, first come first served. The app's side of it
/// comes to life silently with its first call and ends with a DELETE.
/// </summary>
internal sealed class ActorInstance : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Queue<Turn> _line = new();
    private readonly CancellationTokenSource _halt = new();
    private readonly TaskCompletionSource _gone = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Turn? _current;
    private TaskCompletionSource? _quiet;
    private bool _closed;

    public ActorInstance(HostedType hosted, string id)
    {
        Hosted = hosted;
        Id = id;
        Halt = _halt.Token;
    }

    public HostedType Hosted { get; }

    public string Id { get; }

    /// <summary>Cancelled when the call under way must end because its actor is taken away.</summary>
    public CancellationToken Halt { get; }

    /// <summary>Ends when the app has been told, and the actor may live elsewhere.</summary>
    public Task Gone => _gone.Task;

    /// <summary>When the last call began; a timestamp of the host's clock.</summary>
    public long LastStart { get; set; }

    /// <summary>Fires when the actor may have been idle for long enough.</summary>
    public ITimer? IdleTimer { get; set; }

    /// <summary>Takes the last place in the line, or the same turn again for a reentrant call. Null when the actor is being taken away.</summary>
    public Turn? Enter(string? reentrancyId, CancellationToken cancellation)
    {
        lock (_gate)
        {
            if (_closed)
            {
                return null;
            }

            if (reentrancyId is not null && _current?.ReentrancyId == reentrancyId)
            {
                _current.Depth++;
                return _current;
            }

            var turn = new Turn(reentrancyId);
            if (_current is null)
            {
                _current = turn;
                turn.Begin();
            }
            else
            {
                turn.CancelWith(cancellation);
                _line.Enqueue(turn);
            }

            return turn;
        }
    }

    /// <summary>Ends a turn and lets the next call through.</summary>
    public void Leave(Turn turn)
    {
        lock (_gate)
        {
            if (--turn.Depth > 0)
            {
                return;
            }

            _current = null;
            while (_line.TryDequeue(out var next))
            {
                if (next.Begin())
                {
                    _current = next;
                    return;
                }
            }

            _quiet?.TrySetResult();
        }
    }

    /// <summary>
    /// Lets nobody in any more and sends those in the line away. The task ends when no call is under way. False when that
    /// has been done before.
    /// </summary>
    public bool TryClose(out Task quiet)
    {
        lock (_gate)
        {
            quiet = Task.CompletedTask;
            if (_closed)
            {
                return false;
            }

            _closed = true;
            while (_line.TryDequeue(out var waiting))
            {
                waiting.SendAway();
            }

            if (_current is not null)
            {
                _quiet = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                quiet = _quiet.Task;
            }

            return true;
        }
    }

    /// <summary>Cancels the call under way.</summary>
    public void Cancel() => _halt.Cancel();

    /// <summary>The app has been told.</summary>
    public void Dispose()
    {
        IdleTimer?.Dispose();
        _halt.Dispose();
        _gone.TrySetResult();
    }

    /// <summary>A call's place in the line, and then its turn.</summary>
    internal sealed class Turn(string? reentrancyId)
    {
        private readonly TaskCompletionSource<bool> _begin = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private CancellationTokenRegistration _cancellation;

        public string? ReentrancyId { get; } = reentrancyId;

        public int Depth { get; set; } = 1;

        /// <summary>True when it is the call's turn, false when the actor was taken away first.</summary>
        /// <exception cref="OperationCanceledException">The caller has gone; there is no turn to leave.</exception>
        public Task<bool> Begun => _begin.Task;

        public void CancelWith(CancellationToken cancellation) =>
            _cancellation = cancellation.UnsafeRegister(
                static (turn, token) => ((Turn)turn!)._begin.TrySetCanceled(token), this);

        public bool Begin()
        {
            _cancellation.Unregister();
            return _begin.TrySetResult(true);
        }

        public void SendAway()
        {
            _cancellation.Unregister();
            _begin.TrySetResult(false);
        }
    }
}
