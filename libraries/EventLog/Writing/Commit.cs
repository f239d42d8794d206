using Microsoft.Extensions.Logging;

namespace EventLog;

/// <summary>The commit: one create-only write of one key, followed through until its fate is known.</summary>
internal static class Commit
{
    /// <summary>
    /// Writes the record at its position. Whatever error the write ends with, only the key tells what happened: our batch
    /// id means committed, another's means lost, and while nothing is there the same record is written again.
    /// </summary>
    /// <param name="store">The log's store.</param>
    /// <param name="record">The record, and its bytes.</param>
    /// <param name="bytes">The bytes that are written, the same at each try.</param>
    /// <param name="time">For the pauses between tries.</param>
    /// <param name="log">Told of trouble once it lasts.</param>
    /// <param name="cancellation">Ends the tries; then nobody knows.</param>
    /// <returns>True when committed, false when another record has the position.</returns>
    public static async Task<bool> RunAsync(
        IStateStore store, StoredRecord record, ReadOnlyMemory<byte> bytes, TimeProvider time, ILogger log, CancellationToken cancellation)
    {
        var key = Keys.Record(record.Partition, record.Position);
        for (var tries = 1; ; tries++)
        {
            Exception? failure;
            try
            {
                await store.CreateAsync(key, bytes, cancellation);
                return true;
            }
            catch (Exception e) when (!cancellation.IsCancellationRequested)
            {
                failure = e;
            }

            if (await TryReadAsync(store, key, cancellation) is { Known: true } read)
            {
                if (read.Value is { } there)
                {
                    return StoredRecord.Read(there.Value, new LogPosition(record.Partition, record.Position)).BatchId == record.BatchId;
                }
            }

            if (tries == 3)
            {
                log.LogWarning(
                    failure, "Partition {Partition}: nobody knows whether position {Position} is committed; trying until it is known", record.Partition, record.Position);
            }

            await Task.Delay(TimeSpan.FromMilliseconds(Math.Min(20 * (1 << Math.Min(tries, 6)), 1000)), time, cancellation);
        }
    }

    private static async Task<(bool Known, StoredValue? Value)> TryReadAsync(IStateStore store, string key, CancellationToken cancellation)
    {
        try
        {
            return (true, await store.ReadAsync(key, cancellation));
        }
        catch (Exception) when (!cancellation.IsCancellationRequested)
        {
            return (false, null);
        }
    }
}
