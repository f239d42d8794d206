using System.Text.Json;
using Accounts.Contracts;

namespace Accounts.Query.Lists;

/// <summary>Reads rows by their keys; missing ones are absent.</summary>
internal delegate Task<IReadOnlyDictionary<string, ReadOnlyMemory<byte>>> ReadRows(IReadOnlyList<string> keys, CancellationToken cancellation);

/// <summary>An account of a list, with the commands that are legal on it.</summary>
internal sealed record ListItem(AccountBody Account, IReadOnlyList<string> Commands);

/// <summary>A page of a list; the cursor of the next one, when there is more; and how many there are of each status, filtered or not.</summary>
internal sealed record ListPage(IReadOnlyList<ListItem> Items, ListCursor? Next, CountsBody Counts);

/// <summary>
/// Merges the trees of all partitions. A row is read only when an account of it may be the next one, and never when its
/// summary says that nothing in it is asked for: a page costs a few rows of each partition, however many accounts there are.
/// </summary>
internal sealed class IndexReader(ReadRows read, ViewPointer at, int partitions)
{
    private const int RowsTogether = 32;

    /// <summary>A page; null when the cursor belongs to another log.</summary>
    public async Task<ListPage?> ListAsync(ListRequest request, CancellationToken cancellation)
    {
        if (request.After?.Ordinals is { } ordinals && ordinals.Count != partitions)
        {
            return null;
        }

        var tops = await TopsAsync(request.Filter.User, cancellation);
        var list = new ListMerge(request, partitions, request.Filter.User is null ? null : DefaultOf(tops));
        for (var partition = 0; partition < partitions; partition++)
        {
            list.Open(partition, tops[partition], isTop: true);
        }

        while (list.Unread(RowsTogether) is { Count: > 0 } rows)
        {
            var keys = rows.Select(row => new IndexTree(row.Partition, request.Filter.User).Key(at, row.Label)).ToList();
            var found = await read(keys, cancellation);
            for (var i = 0; i < rows.Count; i++)
            {
                list.Open(rows[i].Partition, RowOf(found, keys[i]), isTop: false);
            }
        }

        return list.Page(CountsOf(tops));
    }

    /// <summary>How many accounts have each status.</summary>
    public async Task<CountsBody> CountAsync(long? user, CancellationToken cancellation) => CountsOf(await TopsAsync(user, cancellation));

    private static CountsBody CountsOf(IReadOnlyList<IndexRow> tops)
    {
        var counts = new long[IndexSummary.Statuses.Count];
        foreach (var top in tops)
        {
            foreach (var entry in top.Entries)
            {
                counts[IndexSummary.Statuses.Index().First(status => status.Item == entry.Account.Status).Index]++;
            }

            foreach (var below in top.Below)
            {
                for (var i = 0; i < counts.Length; i++)
                {
                    counts[i] += below.Counts[2 * i] + below.Counts[(2 * i) + 1];
                }
            }
        }

        return new CountsBody(counts.Sum(), IndexSummary.Statuses.Index().ToDictionary(status => status.Item, status => counts[status.Index]));
    }

    private async Task<IReadOnlyList<IndexRow>> TopsAsync(long? user, CancellationToken cancellation)
    {
        var keys = Enumerable.Range(0, partitions).Select(partition => new IndexTree(partition, user).Key(at, IndexTree.Top)).ToList();
        var found = await read(keys, cancellation);
        return [.. keys.Select(key => RowOf(found, key))];
    }

    /// <summary>
    /// The one account that is shown as the user's default: of several, which a policy is about to clear, the latest. Whatever
    /// else is read afterwards, no second one is shown.
    /// </summary>
    private static string? DefaultOf(IReadOnlyList<IndexRow> tops)
    {
        IndexDefault? latest = null;
        foreach (var top in tops)
        {
            foreach (var entry in top.Entries.Where(entry => entry.Account.DefaultAccount))
            {
                latest = IndexDefault.Latest(latest, new IndexDefault(entry.DefaultSince ?? 0, entry.Account.AccountNumber));
            }

            foreach (var below in top.Below)
            {
                latest = IndexDefault.Latest(latest, below.Default);
            }
        }

        return latest?.Number;
    }

    private static IndexRow RowOf(IReadOnlyDictionary<string, ReadOnlyMemory<byte>> found, string key) =>
        found.TryGetValue(key, out var json) ? JsonSerializer.Deserialize(json.Span, ContractsJson.Default.IndexRow)! : IndexRow.Empty;
}
