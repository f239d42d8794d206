namespace EventLog;

/// <summary>Reads a log. What it has once returned for a position never changes.</summary>
public sealed class LogReader
{
    /// <summary>What is fixed of the log; waits until the command service has created it.</summary>
    public Task<LogDescription> DescribeAsync(CancellationToken cancellation) => throw new NotSupportedException();

    /// <summary>
    /// The records after a position, in order and without a gap, at most so many. Empty at the end of the log. Throws
    /// when the store is away, or when the chain of digests is broken (<see cref="LogBrokenException"/>).
    /// </summary>
    public Task<IReadOnlyList<LogRecord>> ReadAsync(int partition, long after, int limit, CancellationToken cancellation) => throw new NotSupportedException();

    /// <summary>The partition of a stream: a stable hash of its name.</summary>
    public static int PartitionOf(string stream, int partitions) => throw new NotSupportedException();
}

/// <summary>The log contradicts itself: the store has lost or changed acknowledged data.</summary>
public sealed class LogBrokenException(LogPosition position, string message) : Exception(message)
{
    /// <summary>The first position that does not fit.</summary>
    public LogPosition Position { get; } = position;
}
