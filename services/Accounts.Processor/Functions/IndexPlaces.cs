using System.Globalization;
using System.Text.Json;
using Accounts.Contracts;
using Accounts.Processor.Consumers;
using EventLog;

namespace Accounts.Processor.Functions;

/// <summary>
/// Where the accounts of a user are in his tree follows from the order in which they came there. That is the order of the log,
/// but for accounts that were held back: they came later. Both are sound, so whoever compares rows with the log leaves the
/// accounts where they are, and compares all that does not depend on it.
/// </summary>
internal static class IndexPlaces
{
    /// <summary>
    /// Puts the accounts of the users whose rows are not as expected where the stored rows have them; an account that is in none
    /// goes where it would if it came now. A tree whose stored rows the fold could not have made stays as it is.
    /// </summary>
    /// <param name="at">The generation.</param>
    /// <param name="expected">The rows by a fold of the log.</param>
    /// <param name="wrong">Keys of rows that are not as expected.</param>
    /// <param name="views">The stored rows.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>Keys of all rows that are expected now, or no longer, in the trees that were arranged.</returns>
    public static async Task<IReadOnlySet<string>> ArrangeAsync(
        ViewPointer at, Rows expected, IReadOnlyCollection<string> wrong, IStateStore views, CancellationToken cancellation)
    {
        var arranged = new HashSet<string>();
        foreach (var tree in wrong.Select(key => TreeOf(at, key)).OfType<IndexTree>().ToHashSet())
        {
            var folded = Rows(at, tree, expected);
            if (folded.Count > 1 && await new Arrangement(at, tree, views).RowsAsync(EntriesOf(folded), cancellation) is { } rows)
            {
                string[] before = [.. folded.Keys.Select(label => tree.Key(at, label))];
                expected.Forget(before);
                expected.Apply(rows);
                arranged.UnionWith(before);
                arranged.UnionWith(rows.Select(row => row.Key));
            }
        }

        return arranged;
    }

    private static IndexTree? TreeOf(ViewPointer at, string key)
    {
        var users = RowKeys.Row(at, Views.Index, "u");
        return key.StartsWith(users, StringComparison.Ordinal) && key[users.Length..].Split('.') is [var user, var partition, _]
            ? new IndexTree(int.Parse(partition, CultureInfo.InvariantCulture), long.Parse(user, CultureInfo.InvariantCulture))
            : null;
    }

    /// <summary>The rows of a tree, by label.</summary>
    private static Dictionary<string, IndexRow> Rows(ViewPointer at, IndexTree tree, Rows rows)
    {
        var found = new Dictionary<string, IndexRow>();
        var labels = new Stack<string>([IndexTree.Top]);
        while (labels.TryPop(out var label))
        {
            var row = found[label] = rows.Get(tree.Key(at, label), ContractsJson.Default.IndexRow) ?? IndexRow.Empty;
            foreach (var below in row.Below.Concat(row.ByNumber))
            {
                labels.Push(below.Label);
            }
        }

        return found;
    }

    private static List<IndexEntry> EntriesOf(Dictionary<string, IndexRow> rows) =>
    [
        .. rows.Values.SelectMany(row => row.Entries).GroupBy(entry => entry.Ordinal)
            .Select(entries => entries.MaxBy(entry => entry.Account.Version)!).OrderBy(entry => entry.Ordinal),
    ];

    /// <summary>A tree with the accounts where its stored rows have them.</summary>
    private sealed class Arrangement(ViewPointer at, IndexTree tree, IStateStore views)
    {
        private const int RowsPerRead = 100;

        private readonly Dictionary<string, IndexRow> _stored = [];
        private readonly IndexTreeRows _rows = new(at, tree, new Rows { Alone = true });

        /// <summary>The rows; null when a fold could not have made them.</summary>
        public async Task<IReadOnlyList<RowWrite>?> RowsAsync(List<IndexEntry> entries, CancellationToken cancellation)
        {
            await ReadAsync([IndexTree.Top], cancellation);
            var above = entries.Where(entry => Has(IndexTree.Top, entry)).ToHashSet();
            var below = entries.Where(entry => !above.Contains(entry)).ToList();
            var byCreation = await PlacesAsync(below, byNumber: false, cancellation);
            var byNumber = await PlacesAsync(below, byNumber: true, cancellation);

            // Those that have a place keep it; the others come after them.
            foreach (var entry in above)
            {
                _rows.Put([IndexTree.Top], entry);
            }

            foreach (var (entry, path) in byCreation)
            {
                _rows.Put(path, entry);
            }

            foreach (var (entry, path) in byNumber)
            {
                _rows.Put(path, entry, byNumber: true);
            }

            below.ForEach(entry => PutAfterwards(entry, byCreation, byNumber));
            var sound = _rows.Get(IndexTree.Top).Entries.Count <= IndexTree.RowAccounts && byCreation.Concat(byNumber).All(place => IsSound(place.Value));
            return sound ? [.. _rows.Changes] : null;
        }

        /// <summary>The paths to the stored rows that have the entries, of those that are in one.</summary>
        private async Task<Dictionary<IndexEntry, IReadOnlyList<string>>> PlacesAsync(List<IndexEntry> entries, bool byNumber, CancellationToken cancellation)
        {
            var places = new Dictionary<IndexEntry, IReadOnlyList<string>>();
            var rest = entries.Select(entry => (Entry: entry, Way: Way(entry, byNumber))).ToList();
            for (var depth = 0; rest.Count > 0; depth++)
            {
                await ReadAsync([.. rest.Select(one => one.Way[depth]).Distinct()], cancellation);
                foreach (var (entry, way) in rest.Where(one => Has(one.Way[depth], one.Entry)))
                {
                    places[entry] = [IndexTree.Top, .. way.Take(depth + 1)];
                }

                rest = [.. rest.Where(one => !places.ContainsKey(one.Entry) && one.Way.Count > depth + 1)];
            }

            return places;
        }

        private void PutAfterwards(
            IndexEntry entry, Dictionary<IndexEntry, IReadOnlyList<string>> byCreation, Dictionary<IndexEntry, IReadOnlyList<string>> byNumber)
        {
            switch (byCreation.ContainsKey(entry), byNumber.ContainsKey(entry))
            {
                case (false, false):
                    _rows.PutByUser(entry);
                    break;
                case (false, true):
                    byCreation[entry] = _rows.PutOn(Way(entry, byNumber: false), entry, byNumber: false);
                    break;
                case (true, false):
                    byNumber[entry] = _rows.PutOn(Way(entry, byNumber: true), entry, byNumber: true);
                    break;
            }
        }

        // A row is full before an account goes further down, and takes no more then but the one whose way ends there.
        private bool IsSound(IReadOnlyList<string> path) => path.SkipLast(1).All(IsFull)
            && _rows.Get(path[^1]) is var last
            && (last.Entries.Count <= IndexTree.RowAccounts
                || (last.Entries.Count == IndexTree.RowAccounts + 1 && last.Entries.Any(entry => path[^1] == Way(entry, path[^1][0] == 'n')[^1])));

        // Also of accounts that are not expected yet.
        private bool IsFull(string label) => _rows.Get(label).Entries.Count >= IndexTree.RowAccounts
            || (_stored.TryGetValue(label, out var row) && row.Entries.Count >= IndexTree.RowAccounts);

        private bool Has(string label, IndexEntry entry) =>
            _stored.TryGetValue(label, out var row) && row.Entries.Any(there => there.Ordinal == entry.Ordinal);

        private async Task ReadAsync(IReadOnlyList<string> labels, CancellationToken cancellation)
        {
            foreach (var portion in labels.Chunk(RowsPerRead))
            {
                var found = await views.ReadManyAsync([.. portion.Select(label => tree.Key(at, label))], cancellation);
                foreach (var label in portion)
                {
                    if (found.TryGetValue(tree.Key(at, label), out var value) && Parse(value) is { } row)
                    {
                        _stored[label] = row;
                    }
                }
            }
        }

        private static IReadOnlyList<string> Way(IndexEntry entry, bool byNumber) =>
            IndexTree.Ways(entry.Ordinal, entry.Account.AccountNumber) is var (creation, number) && byNumber ? number : creation;

        private static IndexRow? Parse(StoredValue value)
        {
            try
            {
                // Members that are missing are null, whatever their types say.
                return JsonSerializer.Deserialize(value.Value.Span, ContractsJson.Default.IndexRow) is { Entries: not null } row ? row : null;
            }
            catch (JsonException)
            {
                return null;
            }
        }
    }
}
