using EventLog;

namespace Accounts.Processor.Generations;

/// <summary>Finds the last positions of partitions.</summary>
internal static class LogEnds
{
    /// <summary>The last positions, none of which is before the given ones.</summary>
    public static async Task<long[]> FindAsync(LogReader log, IReadOnlyList<long> from, CancellationToken cancellation)
    {
        var next = await log.ReadAsync([.. from.Select((position, partition) => (partition, position))], 1, cancellation);
        return await Task.WhenAll(from.Select((position, partition) =>
            next[partition].Count == 0 ? Task.FromResult(position) : FindAsync(log, partition, position + 1, cancellation)));
    }

    /// <summary>The last position of a partition. Positions are dense, so a few dozen reads find it in any log.</summary>
    public static async Task<long> FindAsync(LogReader log, int partition, long from, CancellationToken cancellation)
    {
        var (there, step) = (from, 1L);
        while (await ExistsAsync(there + step))
        {
            (there, step) = (there + step, step * 2);
        }

        for (var absent = there + step; absent - there > 1;)
        {
            var middle = there + ((absent - there) / 2);
            (there, absent) = await ExistsAsync(middle) ? (middle, absent) : (there, middle);
        }

        return there;

        async Task<bool> ExistsAsync(long position) => (await log.ReadAsync(partition, position - 1, 1, cancellation)).Count > 0;
    }
}
