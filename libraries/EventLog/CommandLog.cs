namespace EventLog;

/// <summary>The log as the command service uses it: commands in, durable outcomes out.</summary>
public sealed class CommandLog<TState, TCommand, TEvent>
    where TState : class
    where TCommand : class
    where TEvent : class
{
    /// <summary>
    /// Decides a command and returns its outcome once that is durable.
    /// </summary>
    /// <exception cref="LogUnavailableException">There is no outcome (yet).</exception>
    public Task<Outcome<TState>> SubmitAsync(Submission<TCommand> submission, CancellationToken cancellation) => throw new NotSupportedException();

    /// <summary>The newest state of a stream, read at the end of the log (null: no events), with its version.</summary>
    /// <exception cref="LogUnavailableException">The log cannot be read now.</exception>
    public Task<Outcome<TState>> ReadAsync(string stream, CancellationToken cancellation) => throw new NotSupportedException();

    /// <summary>Null when the log is open and can take commands, else what it waits for, for the readiness probe.</summary>
    public string? NotReady => throw new NotSupportedException();
}
