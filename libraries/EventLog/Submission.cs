namespace EventLog;

/// <summary>A command on its way to the log.</summary>
public sealed record Submission<TCommand>
{
    /// <summary>The stream that the command is about, for instance an account's number.</summary>
    public required string Stream { get; init; }

    /// <summary>The command itself.</summary>
    public required TCommand Command { get; init; }

    /// <summary>The client's idempotency key, scoped to the stream; null when it sent none.</summary>
    public string? Key { get; init; }

    /// <summary>Digest of the command's content: a key that comes again with another one is refused.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>The version that the client expects, or null.</summary>
    public ExpectedVersion? Expected { get; init; }

    /// <summary>Names the whole of which this command is a part; stored with the events.</summary>
    public required string CorrelationId { get; init; }

    /// <summary>Id of the event or message that caused the command; stored with the events.</summary>
    public string? CausationId { get; init; }

    /// <summary>W3C trace context of the caller; stored with the events.</summary>
    public string? TraceParent { get; init; }
}

/// <summary>What an <c>If-Match</c> asks for.</summary>
public readonly record struct ExpectedVersion(long Version)
{
    /// <summary>The stream has events, however many.</summary>
    public static ExpectedVersion Exists => new(-1);

    /// <summary>The stream has just this version.</summary>
    public static ExpectedVersion Exactly(long version) => new(version);

    internal bool Matches(long version) => Version < 0 ? version > 0 : version == Version;
}

/// <summary>How a command ended.</summary>
public enum OutcomeKind
{
    /// <summary>Events were appended.</summary>
    Appended,

    /// <summary>Accepted, with nothing to append.</summary>
    AlreadySo,

    /// <summary>The decider refused it.</summary>
    Refused,

    /// <summary>The stream is not at the expected version.</summary>
    VersionMismatch,

    /// <summary>The idempotency key was used before with other content.</summary>
    KeyReused,

    /// <summary>The stream has an event that this version of the service cannot read.</summary>
    Stopped,
}

/// <summary>
/// The answer to a command, true at the end of the log at some moment between the command's arrival and the answer, and
/// durable. A command that comes again under its key gets an equal one.
/// </summary>
/// <param name="Kind">How it ended.</param>
/// <param name="Refusal">The decider's code when it refused, else null.</param>
/// <param name="State">The stream's state after the command; null when the stream has no events.</param>
/// <param name="Version">The stream's version after the command.</param>
/// <param name="Position">Where in the log this was true: an appended command's own record, else the tail.</param>
public sealed record Outcome<TState>(OutcomeKind Kind, string? Refusal, TState? State, long Version, LogPosition Position);

/// <summary>A place in the log, written <c>partition:position</c>.</summary>
public readonly record struct LogPosition(int Partition, long Position)
{
    /// <summary>The written form, as in the header <c>Account-Position</c>.</summary>
    public override string ToString() => $"{Partition}:{Position}";
}

/// <summary>The log cannot answer: its store or sidecar is away, it is full, or the answer took too long.</summary>
/// <param name="commandId">The id under which the command may be sent again (as its idempotency key) to learn its outcome.</param>
/// <param name="notDone">True when the command certainly took and takes no effect; false when that is unknown.</param>
/// <param name="message">What is away, for logs and operators.</param>
/// <param name="inner">The cause.</param>
public sealed class LogUnavailableException(string commandId, bool notDone, string message, Exception? inner = null)
    : Exception(message, inner)
{
    /// <summary>The id under which the command may be sent again to learn its outcome.</summary>
    public string CommandId { get; } = commandId;

    /// <summary>True when the command certainly took and takes no effect.</summary>
    public bool NotDone { get; } = notDone;
}
