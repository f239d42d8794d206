namespace EventLog;

/// <summary>Brings a writer's memory up to the end of the log, and streams into it.</summary>
internal sealed class MemoryLoader<TState, TCommand, TEvent>(
    IStateStore store, int partition, PartitionMemory<TState, TCommand, TEvent> memory, LogOptions options, TimeProvider time)
    where TState : class
    where TCommand : class
    where TEvent : class
{
    // Where a single rival's record is expected.
    private const int FewPositions = 8;

    private const int MostTries = 4;
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(0.5);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Head first, then the records after it until one is missing.</summary>
    public async Task OpenAsync(CancellationToken cancellation)
    {
        if (await ReadAsync(Keys.Head(partition), cancellation) is { } head)
        {
            memory.StartFrom(Head.Read(head.Value));
        }

        // Whoever begins at the head is not left behind by a head that goes on meanwhile: he would begin for ever.
        await TryReadOnAsync(options.RecordsPerRead, goesBack: false, cancellation);
    }

    /// <summary>
    /// Whether the log ends where the memory does. Asked of the one key, because only a single read is sure to see the newest.
    /// </summary>
    public async Task<bool> IsAtEndAsync(CancellationToken cancellation) =>
        await ReadAsync(Keys.Record(partition, memory.Tail.Position + 1), cancellation) is null;

    /// <summary>
    /// Folds the records after the tail until one is missing. False: there are so many that the head is ahead of the memory, which
    /// is to begin anew: a writer that others have relieved for hours would else read all that they have written.
    /// </summary>
    /// <exception cref="LogBrokenException">A record does not follow the one before it.</exception>
    public Task<bool> TryReadOnAsync(CancellationToken cancellation) => TryReadOnAsync(Math.Min(FewPositions, options.RecordsPerRead), goesBack: true, cancellation);

    /// <summary>
    /// Brings the streams into memory that are not there, by one bulk read of their snapshots; false when all were. No
    /// record may be folded meanwhile: it might be about these streams.
    /// </summary>
    public async Task<bool> LoadAsync(IEnumerable<string> streams, CancellationToken cancellation)
    {
        Dictionary<string, string>? lacking = null;
        foreach (var stream in streams)
        {
            if (memory.Find(stream) is null)
            {
                (lacking ??= []).TryAdd(stream, Keys.Snapshot(partition, stream));
            }
        }

        if (lacking is null)
        {
            return false;
        }

        var found = await ReadManyAsync([.. lacking.Values], cancellation);
        foreach (var (stream, key) in lacking)
        {
            memory.Add(stream, found.TryGetValue(key, out var stored) ? StoredSnapshot.Read(stored.Value) : null);
        }

        return true;
    }

    /// <summary>Reads the answers of commands that were recorded lately and have come again, where only their records have them.</summary>
    /// <exception cref="LogBrokenException">Such a record is gone.</exception>
    public async Task RecallAsync(IEnumerable<(string Stream, string Id)> commands, CancellationToken cancellation)
    {
        foreach (var (stream, id) in commands)
        {
            if (memory.RecordOf(stream, id) is > 0 and var position)
            {
                var place = new LogPosition(partition, position);
                var stored = await ReadAsync(Keys.Record(partition, position), cancellation)
                    ?? throw new LogBrokenException(place, $"The record at {place} was acknowledged and is gone: the store has lost data.");
                memory.TakeIn(StoredRecord.Read(stored.Value, place), stream, id);
            }
        }
    }

    private async Task<bool> TryReadOnAsync(int positions, bool goesBack, CancellationToken cancellation)
    {
        for (; ; positions = options.RecordsPerRead)
        {
            var records = await ReadRecordsAsync(positions, cancellation);
            if (goesBack && records.Count == options.RecordsPerRead && await IsBehindHeadAsync(cancellation))
            {
                return false;
            }

            await LoadAsync(records.SelectMany(r => r.Record.Commands).Select(c => c.Stream), cancellation);
            for (var i = 0; i < records.Count; i++)
            {
                var (record, bytes) = records[i];
                if (record.DigestBefore != memory.Tail.Digest)
                {
                    throw new LogBrokenException(
                        new LogPosition(partition, record.Position),
                        $"The record at {partition}:{record.Position} does not follow the record before it: the digests differ.");
                }

                var next = i + 1 < records.Count ? records[i + 1].Record : null;
                if (next is null && StoredRecord.IsWhole(bytes) is false)
                {
                    // What is written next would take the changed record for the true one.
                    throw new LogBrokenException(
                        new LogPosition(partition, record.Position), $"The record at {partition}:{record.Position} was changed after it was written.");
                }

                memory.Fold(record, DigestOf(bytes, next), time.GetUtcNow());
            }

            if (records.Count < positions)
            {
                return true;
            }
        }
    }

    private async Task<bool> IsBehindHeadAsync(CancellationToken cancellation) =>
        await ReadAsync(Keys.Head(partition), cancellation) is { } head && Head.Read(head.Value).Position > memory.Tail.Position;

    private async Task<List<(StoredRecord Record, ReadOnlyMemory<byte> Bytes)>> ReadRecordsAsync(int positions, CancellationToken cancellation)
    {
        var first = memory.Tail.Position + 1;
        var keys = new string[positions];
        for (var i = 0; i < positions; i++)
        {
            keys[i] = Keys.Record(partition, first + i);
        }

        var found = await ReadManyAsync(keys, cancellation);
        var records = new List<(StoredRecord, ReadOnlyMemory<byte>)>(found.Count);
        foreach (var key in keys)
        {
            if (!found.TryGetValue(key, out var stored))
            {
                break;
            }

            Add(stored);
        }

        // A bulk read may lag behind: that nothing comes next is for a single read to say.
        if (records.Count == 0 && await ReadAsync(keys[0], cancellation) is { } next)
        {
            Add(next);
        }

        return records;

        void Add(StoredValue stored) =>
            records.Add((StoredRecord.Read(stored.Value, new LogPosition(partition, first + records.Count)), stored.Value));
    }

    private Task<StoredValue?> ReadAsync(string key, CancellationToken cancellation) =>
        AgainAsync(() => store.ReadAsync(key, cancellation), cancellation);

    private Task<IReadOnlyDictionary<string, StoredValue>> ReadManyAsync(string[] keys, CancellationToken cancellation) =>
        AgainAsync(() => store.ReadManyAsync(keys, cancellation), cancellation);

    /// <summary>
    /// A read that fails at once is tried again: whoever begins anew at the head for each failure never comes to the end of a
    /// long log in a store that fails now and then. One that is slow to fail is not: commands wait for it.
    /// </summary>
    private async Task<T> AgainAsync<T>(Func<Task<T>> read, CancellationToken cancellation)
    {
        for (var tries = 1; ; tries++)
        {
            var began = time.GetTimestamp();
            try
            {
                return await read();
            }
            catch (Exception) when (tries < MostTries && time.GetElapsedTime(began) < AtOnce && !cancellation.IsCancellationRequested)
            {
            }

            await Task.Delay(Pause * tries, time, cancellation);
        }
    }

    /// <summary>The digest of a stored record; when the next record names it, the bytes need not be brought into one form.</summary>
    private static string DigestOf(ReadOnlyMemory<byte> bytes, StoredRecord? next) =>
        next is not null && StoredRecord.Digest(bytes.Span) == next.DigestBefore ? next.DigestBefore : StoredRecord.DigestOfStored(bytes);
}
