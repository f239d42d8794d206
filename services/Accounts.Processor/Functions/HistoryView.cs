using System.Text.Json;
using Accounts.Contracts;
using Accounts.Domain;
using Accounts.Processor.Consumers;

namespace Accounts.Processor.Functions;

/// <summary>
/// Every event with the account after it: one row an event, by account and version, and one row a record of the log, by its
/// position, for those who follow all accounts. None of them ever changes that has all that belongs in it.
/// </summary>
internal static class HistoryView
{
    public static Function.View Function { get; } = new()
    {
        Name = Views.History,
        Reads = (at, logged) => logged.Version == 1 ? [] : [new RowRead(RowKeys.History(at, logged.Account, logged.Version - 1))],
        Fold = Fold,
        ReadsRecord = (at, record) => [new RowRead(RowKeys.Feed(at, record.Partition, record.Position), New: true)],
        FoldRecord = FoldRecord,
    };

    private static IEnumerable<RowWrite> Fold(ViewPointer at, LoggedEvent logged, Rows rows)
    {
        var before = logged.Version == 1 ? null : Item(at, logged.Account, logged.Version - 1, rows);
        if (before is null && logged.Version > 1)
        {
            throw new MissingRowException(logged, $"version {logged.Version - 1} is not in the view");
        }

        var happened = logged.Event;
        var account = Account.Evolve(before is null ? null : AccountRows.AccountOf(before.Account!), happened);
        var created = happened as AccountEvent.Created;
        yield return RowWrite.Unchanging(RowKeys.History(at, logged.Account, logged.Version), new AccountEventBody
        {
            Type = logged.Recorded.Event.Name,
            Version = logged.Version,
            EventId = logged.Recorded.EventId,
            CreatedAt = happened.CreatedAt,
            LastModified = happened.LastModified,
            AccountNumber = happened.AccountNumber,
            UserId = happened.User,
            DefaultAccount = created?.DefaultAccount,
            Reason = AccountRows.ReasonOf(happened),
            CorrelationId = logged.Recorded.CorrelationId,
            CausationId = logged.Recorded.CausationId,
            Account = AccountRows.BodyOf(account, logged.Version),
        }, ContractsJson.Default.AccountEventBody);
    }

    /// <summary>
    /// An event that could not be folded holds up its account, and not those who follow all: it is there without the account until
    /// it is folded. Whoever has folded the event may be another, and what he has written is never taken back: the row is written only
    /// over what was read.
    /// </summary>
    private static IEnumerable<RowWrite> FoldRecord(ViewPointer at, LoggedRecord record, Rows rows)
    {
        var key = RowKeys.Feed(at, record.Partition, record.Position);
        var folded = record.Events.Select(logged => Item(at, logged.Account, logged.Version, rows)).ToList();
        if (folded.TrueForAll(item => item is not null))
        {
            return [RowWrite.Closing(key, new FeedRow(folded!), ContractsJson.Default.FeedRow, whole: true)];
        }

        // The rows are not read at one moment, so the row of the record may know of an event whose own row was read too early.
        var there = Legible(() => rows.Get(key, ContractsJson.Default.FeedRow))?.Items ?? [];
        var items = folded.Zip(record.Events, (item, logged) =>
            item ?? there.FirstOrDefault(known => known?.EventId == logged.Recorded.EventId) ?? Bare(at, logged, rows));
        return [RowWrite.Closing(key, new FeedRow([.. items]), ContractsJson.Default.FeedRow, whole: false)];
    }

    private static AccountEventBody? Item(ViewPointer at, string account, long version, Rows rows) =>
        Legible(() => rows.Get(RowKeys.History(at, account, version), ContractsJson.Default.AccountEventBody));

    /// <summary>A row that somebody has broken is no better than none, and must not stop the others.</summary>
    private static T? Legible<T>(Func<T?> row)
        where T : class
    {
        try
        {
            return row();
        }
        catch (UnreadableRowException)
        {
            return null;
        }
    }

    /// <summary>What is known of an event without the account after it.</summary>
    private static AccountEventBody Bare(ViewPointer at, LoggedEvent logged, Rows rows)
    {
        var recorded = logged.Recorded;
        var happened = logged.CreatedAt ?? recorded.Time.ToUnixTimeMilliseconds();
        return new AccountEventBody
        {
            Type = recorded.Event.Name,
            Version = recorded.Version,
            EventId = recorded.EventId,
            CreatedAt = happened,
            LastModified = happened,
            AccountNumber = recorded.Stream,

            // Who follows a user must hear of it too. The first event has always told the user.
            UserId = logged.User ?? Item(at, logged.Account, 1, rows)?.UserId,
            CorrelationId = recorded.CorrelationId,
            CausationId = recorded.CausationId,
        };
    }
}
