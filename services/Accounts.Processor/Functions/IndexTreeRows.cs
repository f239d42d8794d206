using Accounts.Contracts;
using Accounts.Domain;
using Accounts.Processor.Consumers;

namespace Accounts.Processor.Functions;

/// <summary>The rows of one tree of the index, while one event is folded into them.</summary>
internal sealed class IndexTreeRows(ViewPointer at, IndexTree tree, Rows rows)
{
    // Rows that are asked for together are read together.
    private const int AskAhead = 4;

    private readonly Dictionary<string, IndexRow> _changed = [];

    public IEnumerable<RowWrite> Changes =>
        _changed.Select(row => RowWrite.Changing(tree.Key(at, row.Key), row.Value, ContractsJson.Default.IndexRow));

    public IndexRow Get(string label) =>
        _changed.TryGetValue(label, out var changed) ? changed
        : rows.Get(tree.Key(at, label), ContractsJson.Default.IndexRow) ?? IndexRow.Empty;

    /// <summary>Puts the entry into the last row of the path, and what follows from it into the rows above.</summary>
    public void Put(IReadOnlyList<string> path, IndexEntry entry, bool byNumber = false)
    {
        Put(path[^1], entry);
        Summarise(path, byNumber);
    }

    /// <summary>
    /// Puts the entry into the top row, or, when that is full of others, once into the rows by creation and once into those
    /// by number.
    /// </summary>
    public void PutByUser(IndexEntry entry)
    {
        if (Takes(Get(IndexTree.Top), entry))
        {
            Put(IndexTree.Top, entry);
            return;
        }

        var (byCreation, byNumber) = IndexTree.Ways(entry.Ordinal, entry.Account.AccountNumber);
        PutOn(byCreation, entry, byNumber: false);
        PutOn(byNumber, entry, byNumber: true);
    }

    /// <summary>Puts the entry into the first row below the top one that takes it; returns the path to that row.</summary>
    public IReadOnlyList<string> PutOn(IReadOnlyList<string> way, IndexEntry entry, bool byNumber)
    {
        var path = new List<string> { IndexTree.Top };
        foreach (var label in way)
        {
            if (path.Count % AskAhead == 1)
            {
                foreach (var next in way.Skip(path.Count - 1).Take(AskAhead))
                {
                    Get(next);
                }
            }

            path.Add(label);
            if (Takes(Get(label), entry) || path.Count > way.Count)
            {
                break;
            }
        }

        Put(path, entry, byNumber);
        return path;
    }

    private static bool Takes(IndexRow row, IndexEntry entry) =>
        row.Entries.Count < IndexTree.RowAccounts || row.Entries.Any(there => there.Ordinal == entry.Ordinal);

    private void Put(string label, IndexEntry entry)
    {
        var row = Get(label);
        var entries = row.Entries.ToList();
        var place = entries.FindLastIndex(there => there.Ordinal <= entry.Ordinal);
        var there = place >= 0 && entries[place].Ordinal == entry.Ordinal;
        if (there && entries[place].Account.Version >= entry.Account.Version)
        {
            return;
        }

        if (there)
        {
            entries[place] = entry;
        }
        else
        {
            entries.Insert(place + 1, entry);
        }

        _changed[label] = row with { Entries = entries, Commands = CommandsOf(entries) };
    }

    /// <summary>Made of the accounts alone, so that equal accounts make equal rows, whatever was there before.</summary>
    private static Dictionary<string, IReadOnlyList<string>> CommandsOf(List<IndexEntry> entries)
    {
        var commands = new Dictionary<string, IReadOnlyList<string>>();
        foreach (var status in Enum.GetValues<AccountStatus>())
        {
            var name = AccountStatusNames.Of(status);
            if (entries.Find(entry => entry.Account.Status == name) is { Account: var account })
            {
                commands[name] = Decision.Legal(AccountRows.AccountOf(account));
            }
        }

        return commands;
    }

    /// <summary>Tells each row of the path what is in the row below.</summary>
    private void Summarise(IReadOnlyList<string> path, bool byNumber)
    {
        for (var i = path.Count - 1; i > 0; i--)
        {
            var above = Get(path[i - 1]);
            var mine = byNumber && i == 1 ? above.ByNumber : above.Below;
            var summary = SummaryOf(path[i], Get(path[i]));
            var updated = mine.ToList();
            var place = updated.FindLastIndex(there => string.CompareOrdinal(there.Label, summary.Label) <= 0);
            var there = place >= 0 && updated[place].Label == summary.Label;
            if (there && updated[place].Revision >= summary.Revision)
            {
                continue;
            }

            if (there)
            {
                updated[place] = summary;
            }
            else
            {
                updated.Insert(place + 1, summary);
            }

            _changed[path[i - 1]] = byNumber && i == 1 ? above with { ByNumber = updated } : above with { Below = updated };
        }
    }

    private IndexSummary SummaryOf(string label, IndexRow row)
    {
        var counts = new int[2 * IndexSummary.Statuses.Count];
        var revision = 0L;
        var (firstOrdinal, lastOrdinal, firstCreated, lastCreated) = (long.MaxValue, 0L, long.MaxValue, 0L);
        IndexDefault? latest = null;
        foreach (var entry in row.Entries)
        {
            var account = entry.Account;
            counts[(2 * (int)AccountStatusNames.Parse(account.Status)!) + (account.DefaultAccount ? 1 : 0)]++;
            revision += account.Version;
            Reach(entry.Ordinal, entry.Ordinal, account.CreatedAt, account.CreatedAt);
            latest = account.DefaultAccount ? IndexDefault.Latest(latest, new IndexDefault(entry.DefaultSince ?? 0, account.AccountNumber)) : latest;
        }

        foreach (var below in row.Below)
        {
            for (var i = 0; i < counts.Length; i++)
            {
                counts[i] += below.Counts[i];
            }

            revision += below.Revision;
            Reach(below.FirstOrdinal, below.LastOrdinal, below.FirstCreated, below.LastCreated);
            latest = IndexDefault.Latest(latest, below.Default);
        }

        return new IndexSummary
        {
            Label = label,
            Revision = revision,
            Counts = counts,
            FirstOrdinal = firstOrdinal,
            LastOrdinal = lastOrdinal,
            FirstCreated = firstCreated,
            LastCreated = lastCreated,
            Default = tree.User is null ? null : latest,
        };

        void Reach(long fromOrdinal, long toOrdinal, long fromTime, long toTime)
        {
            (firstOrdinal, lastOrdinal) = (Math.Min(firstOrdinal, fromOrdinal), Math.Max(lastOrdinal, toOrdinal));
            (firstCreated, lastCreated) = (Math.Min(firstCreated, fromTime), Math.Max(lastCreated, toTime));
        }
    }
}
