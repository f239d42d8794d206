namespace EventLog;

/// <summary>A command that waits for its outcome on this replica.</summary>
internal sealed class Pending<TState, TCommand>
    where TState : class
    where TCommand : class
{
    private const int Waiting = 0;
    private const int Taken = 1;
    private const int Withdrawn = 2;
    private readonly TaskCompletionSource<Outcome<TState>> _outcome = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _stage;

    public required string Id { get; init; }
    public required bool Keyed { get; init; }
    public required string Stream { get; init; }

    /// <summary>Null when only the state is asked for.</summary>
    public required TCommand? Command { get; init; }

    public required string Fingerprint { get; init; }
    public required ExpectedVersion? Expected { get; init; }
    public required string CorrelationId { get; init; }
    public required string? CausationId { get; init; }
    public required string? TraceParent { get; init; }

    /// <summary>When the replica that the client asked received it, by that replica's clock.</summary>
    public required DateTimeOffset Received { get; init; }

    /// <summary>
    /// It has been sent from one replica to another, so a copy of it may be decided elsewhere, now or later: whatever is
    /// answered must be recorded.
    /// </summary>
    public bool Travelled { get; set; }

    /// <summary>It is in a record of which nobody knows yet whether it was written.</summary>
    public bool InDoubt { get; set; }

    public Task<Outcome<TState>> Outcome => _outcome.Task;

    /// <summary>
    /// The outcome as a task of its own, for waiting with a limit or for several: put on <see cref="Outcome"/> itself, such
    /// a wait would go on in the thread pool wherever it was begun.
    /// </summary>
    public async Task<Outcome<TState>> OutcomeAsync() => await _outcome.Task;

    /// <summary>The writer takes it up; false when whoever waited has left.</summary>
    public bool Take() => Interlocked.CompareExchange(ref _stage, Taken, Waiting) is Waiting or Taken;

    /// <summary>Whoever waited leaves; true when nothing was and will be done with it here.</summary>
    public bool Withdraw() => Interlocked.CompareExchange(ref _stage, Withdrawn, Waiting) is Waiting;

    /// <summary>The outcome once there is one.</summary>
    public Outcome<TState>? Answered { get; private set; }

    public void Answer(Outcome<TState> outcome)
    {
        Answered ??= outcome;
        _outcome.TrySetResult(Answered);
    }

    public void Fail(string message, Exception? cause = null) =>
        End(new LogUnavailableException(Id, notDone: !Travelled && !InDoubt, message, cause));

    /// <summary>Whoever waited has waited long enough, and is told whether anything may still be done.</summary>
    public void Expire() => End(new LogUnavailableException(Id, notDone: Withdraw(), "The event log did not answer in time."));

    private void End(LogUnavailableException reason)
    {
        if (_outcome.TrySetException(reason))
        {
            // Observed here, because whoever waited may have left already.
            _ = _outcome.Task.Exception;
        }
    }
}
