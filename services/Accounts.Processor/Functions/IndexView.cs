using Accounts.Contracts;
using Accounts.Domain;
using Accounts.Processor.Consumers;
using EventLog;

namespace Accounts.Processor.Functions;

/// <summary>
/// All accounts in pages, and each user's, with summaries above them, for lists and counts (docs/decisions/0007). Every row
/// belongs to one partition, so that partitions never wait for each other, however many accounts of one user they hold.
/// </summary>
internal static class IndexView
{
    public static Function.View Function { get; } = new()
    {
        Name = Views.Index,
        Reads = Reads,
        Fold = Fold,
        SharesRows = true,
        Arrange = IndexPlaces.ArrangeAsync,
    };

    private static IEnumerable<RowRead> Reads(ViewPointer at, LoggedEvent logged)
    {
        var (partition, ordinal) = (logged.Recorded.Position.Partition, logged.Recorded.StreamOrdinal);
        var path = IndexTree.Path(ordinal);
        var all = new IndexTree(partition);
        for (var i = 0; i < path.Count; i++)
        {
            var opens = logged.Version == 1 && (ordinal - 1) % IndexTree.RowAccounts == 0 && i == path.Count - 1;
            yield return new RowRead(all.Key(at, path[i]), New: opens);
        }

        // Without a user the fold finds it in the account's entry, and asks for the user's rows then.
        if (logged.User is { } user)
        {
            yield return new RowRead(new IndexTree(partition, user).Key(at, IndexTree.Top));
        }
    }

    private static IEnumerable<RowWrite> Fold(ViewPointer at, LoggedEvent logged, Rows rows)
    {
        var (partition, ordinal) = (logged.Recorded.Position.Partition, logged.Recorded.StreamOrdinal);
        var path = IndexTree.Path(ordinal);
        var all = new IndexTreeRows(at, new IndexTree(partition), rows);
        var before = all.Get(path[^1]).Entries.FirstOrDefault(entry => entry.Ordinal == ordinal);

        // Rows are not written all or none: also an entry that is here already may be missing in the rows above or at its user.
        var entry = NextVersion.Takes(before?.Account.Version ?? 0, logged) ? After(before, logged) : before!;
        all.Put(path, entry);
        var users = new IndexTreeRows(at, new IndexTree(partition, entry.Account.UserId), rows);
        users.PutByUser(entry);
        return all.Changes.Concat(users.Changes);
    }

    private static IndexEntry After(IndexEntry? before, LoggedEvent logged)
    {
        var state = before is null ? null : AccountRows.AccountOf(before.Account) with { DefaultSince = before.DefaultSince };
        var account = Account.Evolve(state, logged.Event);
        return new IndexEntry
        {
            Ordinal = logged.Recorded.StreamOrdinal,
            DefaultSince = account.DefaultSince,
            Account = AccountRows.BodyOf(account, logged.Version),
        };
    }
}
