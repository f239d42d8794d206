namespace EventLog;

/// <summary>
/// Reads a whole log and checks it: positions without gap, digests, times, versions, ordinals, answers, keyed commands,
/// snapshots and heads. Works beside services that write.
/// </summary>
/// <param name="store">The state store component that holds the log.</param>
public sealed class LogVerifier(IStateStore store)
{
    private const int PageRecords = 100;

    /// <summary>What is fixed of the log; null when there is none in the component.</summary>
    /// <exception cref="LogRefusedException">It has a format that this version does not read.</exception>
    public async Task<LogDescription?> FindLogAsync(CancellationToken cancellation) =>
        await LogFile.ReadAsync(store, cancellation) is { } file ? new LogDescription(file.Id, file.Partitions) : null;

    /// <summary>
    /// Verifies a partition from where it has been verified up to the end. Cancelled, or failed because the store is away,
    /// it can be called again with the same <paramref name="verified"/> and goes on there.
    /// </summary>
    /// <param name="log">The log.</param>
    /// <param name="verified">What has been verified of the partition; moved on page by page.</param>
    /// <param name="moved">Called after each page.</param>
    /// <param name="cancellation">Stops between two pages.</param>
    /// <exception cref="LogBrokenException">The first place that does not fit.</exception>
    public async Task VerifyAsync(LogDescription log, VerifiedPartition verified, Action moved, CancellationToken cancellation)
    {
        var checks = new RecordChecks(log, verified);
        var head = await ReadHeadAsync(verified.Partition, cancellation);
        var next = ReadPageAsync(verified.Partition, verified.Position + 1, cancellation);
        while (true)
        {
            var page = await next;
            var end = page.Count < PageRecords;
            if (!end)
            {
                next = ReadPageAsync(verified.Partition, page[^1].Record.Position + 1, cancellation);
            }

            await MeetAsync(checks, verified, page, cancellation);
            foreach (var (record, bytes) in page)
            {
                checks.Check(record, bytes);
                if (record.Position == head.Position)
                {
                    checks.Check(head);
                }
            }

            moved();
            if (!end)
            {
                continue;
            }

            head = await ReadHeadAsync(verified.Partition, cancellation);
            if (!await GoesOnAsync(checks, head, verified, cancellation))
            {
                return;
            }

            next = ReadPageAsync(verified.Partition, verified.Position + 1, cancellation);
        }
    }

    /// <summary>
    /// At a place where the log seems to end: nothing may speak of a later one. True when it has grown meanwhile.
    /// </summary>
    private async Task<bool> GoesOnAsync(RecordChecks checks, Head head, VerifiedPartition verified, CancellationToken cancellation)
    {
        var (partition, tail) = (verified.Partition, verified.Position);
        if (head.Position == tail && tail > 0)
        {
            checks.Check(head);
        }

        // Positions at growing distances: a hole is found however large it is.
        var later = Enumerable.Range(0, 40).Select(power => tail + 1 + (1L << power)).ToDictionary(at => Keys.Record(partition, at));
        var found = await store.ReadManyAsync([.. later.Keys], cancellation);
        var furthest = found.Keys.Select(key => later[key]).Append(head.Position).Append(checks.CheckSnapshots()).Max();
        if (await store.ReadAsync(Keys.Record(partition, tail + 1), cancellation) is not null)
        {
            return true;
        }

        return furthest <= tail ? false : throw new LogBrokenException(
            new LogPosition(partition, tail + 1), $"The record at {partition}:{tail + 1} is missing, though the log went on to {partition}:{furthest}.");
    }

    private async Task MeetAsync(
        RecordChecks checks, VerifiedPartition verified, List<(StoredRecord Record, ReadOnlyMemory<byte> Bytes)> page, CancellationToken cancellation)
    {
        var strangers = page.SelectMany(r => r.Record.Commands).Select(c => c.Stream).Where(stream => !verified.ByName.ContainsKey(stream)).Distinct()
            .ToDictionary(stream => stream, stream => Keys.Snapshot(verified.Partition, stream));
        var snapshots = strangers.Count == 0 ? null : await store.ReadManyAsync([.. strangers.Values], cancellation);
        foreach (var (stream, key) in strangers)
        {
            checks.Meet(stream, snapshots!.TryGetValue(key, out var stored) ? Read(stored, new LogPosition(verified.Partition, page[0].Record.Position), stream) : null);
        }
    }

    private static StoredSnapshot Read(StoredValue stored, LogPosition before, string stream)
    {
        try
        {
            return StoredSnapshot.Read(stored.Value);
        }
        catch (System.Text.Json.JsonException e)
        {
            throw new LogBrokenException(before, $"The snapshot of '{stream}', which is met from {before} on, cannot be read: {e.Message}");
        }
    }

    private async Task<Head> ReadHeadAsync(int partition, CancellationToken cancellation)
    {
        try
        {
            return await store.ReadAsync(Keys.Head(partition), cancellation) is { } stored ? Head.Read(stored.Value) : Head.Beginning;
        }
        catch (System.Text.Json.JsonException e)
        {
            throw new LogBrokenException(new LogPosition(partition, 0), $"The head of partition {partition} cannot be read: {e.Message}");
        }
    }

    /// <summary>The records from a position on until one is missing.</summary>
    private async Task<List<(StoredRecord Record, ReadOnlyMemory<byte> Bytes)>> ReadPageAsync(int partition, long first, CancellationToken cancellation)
    {
        var keys = Enumerable.Range(0, PageRecords).Select(i => Keys.Record(partition, first + i)).ToArray();
        var found = await store.ReadManyAsync(keys, cancellation);
        var records = new List<(StoredRecord, ReadOnlyMemory<byte>)>(found.Count);
        foreach (var stored in keys.TakeWhile(found.ContainsKey).Select(key => found[key]))
        {
            records.Add((StoredRecord.Read(stored.Value, new LogPosition(partition, first + records.Count)), stored.Value));
        }

        return records;
    }
}
