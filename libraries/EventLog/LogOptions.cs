namespace EventLog;

/// <summary>Names and limits of a log. The defaults are the ones measured and recommended.</summary>
public sealed record LogOptions
{
    private const int LargestRecord = 1 << 20;

    /// <summary>State store component that holds the log.</summary>
    public string Store { get; init; } = "event-log";

    /// <summary>Pub/sub component that carries wake-ups.</summary>
    public string PubSub { get; init; } = "wakeups";

    /// <summary>Topic of the wake-ups.</summary>
    public string Topic { get; init; } = "account-log";

    /// <summary>Name of the meter and of the source of activities; by convention the product's.</summary>
    public string Meter { get; init; } = "EventLog";

    /// <summary>
    /// Actor type that names a partition's writer; by convention made of the app id. Consumers use a type of their own.
    /// </summary>
    public string ActorType { get; init; } = "event-log";

    /// <summary>Partitions of a log that is created now. An existing log with another number is refused.</summary>
    public int Partitions { get; init; } = 8;

    /// <summary>Commands that may wait for one partition; more are answered "not done".</summary>
    public int QueueLimit { get; init; } = 8192;

    /// <summary>Most commands in one record.</summary>
    public int BatchCommands { get; init; } = 512;

    /// <summary>
    /// Most bytes of one record, all of it counted: commands, answers and events. Commands that would make it larger go into
    /// the next one; only a single command may be larger than this.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Above 1 MiB, which stores and sidecars need not take.</exception>
    public int BatchBytes
    {
        get;
        init => field = value is > 0 and <= LargestRecord ? value : throw new ArgumentOutOfRangeException(nameof(BatchBytes), value, $"A record has 1 to {LargestRecord} bytes.");
    } = 512 * 1024;

    /// <summary>Records that are read at once, where there is more to read than what a rival has just written.</summary>
    internal int RecordsPerRead { get; init; } = 100;

    /// <summary>How often snapshots are saved while a partition is written.</summary>
    public TimeSpan SnapshotEvery { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How many unsaved streams of a partition have snapshots saved earlier than that: they stay in memory until then.</summary>
    public int SnapshotStreams { get; init; } = 5_000;

    /// <summary>How long a command's id is remembered after this writer folded it.</summary>
    public TimeSpan Remember { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How many keyed commands are remembered per stream, however old.</summary>
    public int RememberKeyed { get; init; } = 64;

    /// <summary>A command older than this is answered "unknown" and not decided any more.</summary>
    public TimeSpan CommandAge { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// A caller waits at most so long before it is told that the outcome is unknown. Nobody is to wait longer than 3 s for an answer,
    /// whatever becomes of the replica that decides.
    /// </summary>
    public TimeSpan AnswerWithin { get; init; } = TimeSpan.FromSeconds(2.5);

    /// <summary>A route that says nothing for this long is silent, and the replica uses its own writer.</summary>
    public TimeSpan RouteSilence { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Time-out of one call to the state store.</summary>
    public TimeSpan StoreTimeout { get; init; } = TimeSpan.FromSeconds(3.5);

    /// <summary>Streams without unsaved events kept in memory per partition; others are read again when needed.</summary>
    public int CachedStreams { get; init; } = 10_000;
}
