using Accounts.Contracts;
using Accounts.Query.Feed;

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
internal sealed class IndexReader(ReadRows read, ViewPointer at, int partitions, IndexMemory? memory = null)
{
    private const int RowsTogether = 32;
    private const int MostAhead = 128;
    private static readonly Dictionary<string, KnownRow> NothingAhead = [];

    /// <summary>A page; null when the cursor belongs to another log.</summary>
    public async Task<ListPage?> ListAsync(ListRequest request, CancellationToken cancellation)
    {
        var log = Places.Short(at);
        if (request.After is { } after && (after.Log != log || (after.Ordinals is { } ordinals && ordinals.Count != partitions)))
        {
            return null;
        }

        // Where the first page of all accounts begins changes seldom: what it was made of last time is read along with the tops.
        var beginning = memory is null || request.Filter.User is not null || request.After is not null
            ? null
            : FormattableString.Invariant($"{at.LogId}.{at.Generation}.{request.Filter.Name}.{request.Limit}");
        IReadOnlyList<string> early = beginning is null ? [] : [.. memory!.Beginning(beginning).Where(key => memory.Current(key) is null)];
        var (tops, ahead) = await TopsAsync(request.Filter.User, early, cancellation);
        var list = new ListMerge(request, partitions, log, request.Filter.User is null ? null : DefaultOf(tops));
        for (var partition = 0; partition < partitions; partition++)
        {
            list.Open(partition, tops[partition], isTop: true);
        }

        var used = new List<string>();
        while (list.Unread(RowsTogether) is { Count: > 0 } rows)
        {
            var keys = rows.Select(row => new IndexTree(row.Partition, request.Filter.User).Key(at, row.Below.Label)).ToList();

            // One that is older than what is above it was read too early, and says too little.
            var known = keys.Select((key, i) => Known(key) is { } row && row.Revision >= rows[i].Below.Revision ? row : null).ToList();
            var missing = keys.Where((_, i) => known[i] is null).ToList();
            var found = missing.Count == 0 ? null : await read(missing, cancellation);
            for (var i = 0; i < rows.Count; i++)
            {
                list.Open(rows[i].Partition, (known[i] ?? RowOf(found!, keys[i], request.Filter.User)).Row, isTop: false);
            }

            used.AddRange(keys);
        }

        if (beginning is not null)
        {
            memory!.Remember(beginning, used.Count <= MostAhead ? used : []);
        }

        return list.Page(CountsOf(tops));

        KnownRow? Known(string key) => ahead.TryGetValue(key, out var row) ? row : request.Filter.User is null ? memory?.Current(key) : null;
    }

    /// <summary>How many accounts have each status.</summary>
    public async Task<CountsBody> CountAsync(long? user, CancellationToken cancellation) => CountsOf((await TopsAsync(user, [], cancellation)).Tops);

    private static CountsBody CountsOf(IReadOnlyList<IndexRow> tops)
    {
        var counts = new long[IndexSummary.Statuses.Count];
        foreach (var top in tops)
        {
            foreach (var entry in top.Entries)
            {
                counts[StatusOf(entry.Account.Status)]++;
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

    private static int StatusOf(string status)
    {
        var index = 0;
        while (IndexSummary.Statuses[index] != status)
        {
            index++;
        }

        return index;
    }

    private async Task<(IReadOnlyList<IndexRow> Tops, IReadOnlyDictionary<string, KnownRow> Ahead)> TopsAsync(
        long? user, IReadOnlyList<string> ahead, CancellationToken cancellation)
    {
        var keys = Enumerable.Range(0, partitions).Select(partition => new IndexTree(partition, user).Key(at, IndexTree.Top)).ToList();
        var found = await read([.. keys, .. ahead], cancellation);
        return (
            [.. keys.Select(key => RowOf(found, key, user).Row)],
            ahead.Count == 0 ? NothingAhead : ahead.ToDictionary(key => key, key => RowOf(found, key, user)));
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

    // Users are many, and each is asked for seldom: only rows of all accounts are kept in mind.
    private KnownRow RowOf(IReadOnlyDictionary<string, ReadOnlyMemory<byte>> found, string key, long? user) =>
        !found.TryGetValue(key, out var json) ? KnownRow.Missing
        : memory is null || user is not null ? KnownRow.Parse(json)
        : memory.Row(key, json);
}
