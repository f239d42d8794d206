using System.Collections.Concurrent;
using EventLog;

namespace Accounts.Processor.Consumers;

/// <summary>
/// Writes rows in transactions of some tens, several at once. What a failed one has done is unknown: the caller reads its
/// rows again, whatever the error says.
/// </summary>
internal sealed class RowWriter(IStateStore store, bool createsInTransactions)
{
    /// <summary>Most rows of a transaction.</summary>
    public const int RowsPerTransaction = 100;

    /// <summary>Most bytes of a transaction with more than one row.</summary>
    public const int BytesPerTransaction = 512 * 1024;

    private const int InFlight = 4;
    private const int CreatesInFlight = 16;

    public IStateStore Store => store;

    /// <summary>The same rows by another way to the store.</summary>
    public RowWriter By(IStateStore way) => new(way, createsInTransactions);

    /// <summary>Writes the rows; null when all of them are confirmed, else one of the failures.</summary>
    /// <param name="rows">Rows with different keys.</param>
    /// <param name="singly">Each row alone, to find out which one cannot be written.</param>
    /// <param name="confirmed">Gets the keys of the rows that are written.</param>
    /// <param name="cancellation">Gives up; what is written then is unknown.</param>
    public async Task<Exception?> WriteAsync(
        IEnumerable<StateWrite> rows, bool singly, ICollection<string> confirmed, CancellationToken cancellation)
    {
        var together = new List<StateWrite>();
        var alone = new List<StateWrite>();
        foreach (var row in rows)
        {
            (row.Condition == WriteCondition.Missing && !createsInTransactions ? alone : together).Add(row);
        }

        var done = new ConcurrentBag<string>();
        Exception? failure = null;
        var creates = Parallel.ForEachAsync(alone, Bounded(CreatesInFlight), (row, stop) =>
            TryAsync(() => store.CreateAsync(row.Key, row.Value, stop), [row]));
        var transactions = Parallel.ForEachAsync(Portions(together, singly), Bounded(InFlight), (portion, stop) =>
            TryAsync(() => store.TransactAsync(portion, stop), portion));
        await Task.WhenAll(creates, transactions);
        foreach (var key in done)
        {
            confirmed.Add(key);
        }

        return failure;

        ParallelOptions Bounded(int degree) => new() { MaxDegreeOfParallelism = degree, CancellationToken = cancellation };

        async ValueTask TryAsync(Func<Task> write, IReadOnlyList<StateWrite> portion)
        {
            try
            {
                await write();
                foreach (var row in portion)
                {
                    done.Add(row.Key);
                }
            }
            catch (Exception cause) when (!cancellation.IsCancellationRequested)
            {
                failure = portion.Count == 1 ? new RowWriteException(portion[0].Key, cause) : cause;
            }
        }
    }

    private static IEnumerable<IReadOnlyList<StateWrite>> Portions(List<StateWrite> rows, bool singly)
    {
        var portion = new List<StateWrite>();
        var bytes = 0;
        foreach (var row in rows)
        {
            if (portion.Count > 0 && (singly || portion.Count == RowsPerTransaction || bytes + row.Value.Length > BytesPerTransaction))
            {
                yield return portion;
                (portion, bytes) = ([], 0);
            }

            portion.Add(row);
            bytes += row.Value.Length;
        }

        if (portion.Count > 0)
        {
            yield return portion;
        }
    }
}

internal sealed class RowWriteException(string key, Exception cause) : Exception($"Row {key}: {cause.Message}", cause);
