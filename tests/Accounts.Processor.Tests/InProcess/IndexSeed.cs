using Accounts.Domain;
using Accounts.Processor.Consumers;
using Accounts.Processor.Functions;
using EventLog;

namespace Accounts.Processor.Tests.InProcess;

/// <summary>The rows of the index as the real fold makes them, without a log.</summary>
internal static class IndexSeed
{
    private const int EventsTogether = 1_000;

    /// <summary>Folds a batch and writes its rows.</summary>
    /// <param name="saved">Which rows are written; null: all.</param>
    public static async Task Fold(IStateStore store, IReadOnlyList<LoggedEvent> events, Func<string, bool>? saved = null)
    {
        var view = IndexView.Function;
        var rows = new Rows();
        await rows.ReadAsync([.. events.SelectMany(logged => view.Reads(Given.At, logged))], trustNew: saved is null, store, CancellationToken.None);
        while (true)
        {
            foreach (var logged in events)
            {
                rows.Apply([.. view.Fold(Given.At, logged, rows)]);
            }

            if (rows.Wanted.Count == 0)
            {
                break;
            }

            await rows.ReadWantedAsync(store, CancellationToken.None);
        }

        await store.TransactAsync([.. rows.Changes(last: false).Concat(rows.Changes(last: true)).Where(row => saved?.Invoke(row.Key) ?? true)], CancellationToken.None);
    }

    /// <summary>So many accounts of so many users, spread over partitions; what an account becomes after its creation is up to the caller.</summary>
    public static async Task Fill(
        IStateStore store, int partitions, int accounts, Func<int, long> user, Func<int, string> number, Func<int, IReadOnlyList<AccountEvent>> later)
    {
        for (var partition = 0; partition < partitions; partition++)
        {
            var (ordinal, batch) = (0L, new List<LoggedEvent>());
            for (var i = partition; i < accounts; i += partitions)
            {
                ordinal++;
                var version = 0L;
                foreach (var happened in (AccountEvent[])[new AccountEvent.Created(1_000_000 + i, number(i), user(i), false), .. later(i)])
                {
                    batch.Add(Given.Event(happened, ++version, ordinal, partition: partition, ordinal: ordinal));
                }

                if (batch.Count >= EventsTogether)
                {
                    await Fold(store, batch);
                    batch.Clear();
                }
            }

            await Fold(store, batch);
        }
    }
}
