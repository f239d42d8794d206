using System.Globalization;

namespace EventLog;

/// <summary>Reads a log. What it has once returned for a position never changes.</summary>
/// <param name="store">The state store component that holds the log.</param>
/// <param name="time">For the pauses while the log does not exist yet.</param>
public sealed class LogReader(IStateStore store, TimeProvider time)
{
    private LogDescription? _description;

    /// <summary>What is fixed of the log; waits until a command service has created it.</summary>
    /// <exception cref="LogRefusedException">The log has a format that this version does not read.</exception>
    public async Task<LogDescription> DescribeAsync(CancellationToken cancellation)
    {
        while (_description is null)
        {
            if (await LogFile.ReadAsync(store, cancellation) is { } file)
            {
                _description = new LogDescription(file.Id, file.Partitions);
            }
            else
            {
                await Task.Delay(TimeSpan.FromMilliseconds(250), time, cancellation);
            }
        }

        return _description;
    }

    /// <summary>
    /// The records after a position, in order and without a gap, at most so many. Empty at the end of the log. Throws
    /// what the store throws when it is away.
    /// </summary>
    /// <exception cref="LogBrokenException">The records contradict each other.</exception>
    public async Task<IReadOnlyList<LogRecord>> ReadAsync(int partition, long after, int limit, CancellationToken cancellation) =>
        (await ReadAsync([(partition, after)], limit, cancellation))[0];

    /// <summary>The same for several partitions, in one bulk read: one list for each, in the order asked.</summary>
    /// <exception cref="LogBrokenException">The records contradict each other.</exception>
    public async Task<IReadOnlyList<LogRecord>[]> ReadAsync(
        IReadOnlyList<(int Partition, long After)> places, int limit, CancellationToken cancellation)
    {
        var log = await DescribeAsync(cancellation);
        var keys = new List<string>(places.Count * limit);
        foreach (var (partition, after) in places)
        {
            for (var i = 1; i <= limit; i++)
            {
                keys.Add(Keys.Record(partition, after + i));
            }
        }

        var found = await store.ReadManyAsync(keys, cancellation);
        return [.. places.Select(place => Records(log.Id, place.Partition, place.After, limit, found))];
    }

    private static List<LogRecord> Records(
        string logId, int partition, long after, int limit, IReadOnlyDictionary<string, StoredValue> found)
    {
        var records = new List<LogRecord>();
        StoredValue? before = null;
        for (var position = after + 1; position <= after + limit && found.TryGetValue(Keys.Record(partition, position), out var stored); position++)
        {
            var record = StoredRecord.Read(stored.Value, new LogPosition(partition, position));
            if (before is { } b && StoredRecord.Digest(b.Value.Span) != record.DigestBefore && StoredRecord.DigestOfStored(b.Value) != record.DigestBefore)
            {
                throw new LogBrokenException(
                    new LogPosition(partition, position), $"The record at {partition}:{position} does not follow the record before it: the digests differ.");
            }

            records.Add(ToLogRecord(logId, record));
            before = stored;
        }

        return records;
    }

    private static LogRecord ToLogRecord(string logId, StoredRecord record)
    {
        var position = new LogPosition(record.Partition, record.Position);
        var time = DateTimeOffset.FromUnixTimeMilliseconds(record.Time);
        var events = new List<RecordedEvent>();
        foreach (var command in record.Commands)
        {
            foreach (var e in command.Events)
            {
                events.Add(new RecordedEvent
                {
                    Event = e.Event,
                    Stream = command.Stream,
                    Version = e.Version,
                    StreamOrdinal = e.StreamOrdinal,
                    EventId = string.Create(CultureInfo.InvariantCulture, $"{logId}-{record.Partition}-{record.Position}-{events.Count}"),
                    Position = position,
                    Time = time,
                    CommandId = command.Id,
                    CorrelationId = command.CorrelationId,
                    CausationId = command.CausationId,
                    TraceParent = command.TraceParent,
                });
            }
        }

        return new LogRecord(position, time, events);
    }
}

/// <summary>The log contradicts itself: the store has lost or changed acknowledged data.</summary>
/// <param name="position">The first position that does not fit.</param>
/// <param name="message">What does not fit.</param>
public sealed class LogBrokenException(LogPosition position, string message) : Exception(message)
{
    /// <summary>The first position that does not fit.</summary>
    public LogPosition Position { get; } = position;
}
