using System.Text.Json;
using Accounts.Contracts;
using Accounts.Domain;
using Accounts.Processor.Consumers;

namespace Accounts.Processor.Functions;

/// <summary>
/// Every event with the account after it: one row an event, by account and version, and one row a record of the log, by its
/// position, for those who follow all accounts. None of them ever changes.
/// </summary>
internal static class HistoryView
{
    public static Function.View Function { get; } = new()
    {
        Name = Views.History,
        Reads = (at, logged) => logged.Version == 1 ? [] : [new RowRead(RowKeys.History(at, logged.Account, logged.Version - 1))],
        Fold = Fold,
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

    private static IEnumerable<RowWrite> FoldRecord(ViewPointer at, LoggedRecord record, Rows rows)
    {
        var items = record.Events.Select(logged => Item(at, logged.Account, logged.Version, rows) ?? Bare(logged.Recorded));
        yield return RowWrite.UnchangingLast(RowKeys.Feed(at, record.Partition, record.Position), new FeedRow([.. items]), ContractsJson.Default.FeedRow);
    }

    private static AccountEventBody? Item(ViewPointer at, string account, long version, Rows rows) =>
        rows.Get(RowKeys.History(at, account, version), ContractsJson.Default.AccountEventBody);

    /// <summary>What is known of an event that could not be folded: it holds up its account, and not those who follow all.</summary>
    private static AccountEventBody Bare(EventLog.RecordedEvent recorded)
    {
        var happened = recorded.Event.Data is { ValueKind: JsonValueKind.Object } data
            && data.TryGetProperty("createdAt", out var at) && at.ValueKind == JsonValueKind.Number && at.TryGetInt64(out var time)
            ? time
            : recorded.Time.ToUnixTimeMilliseconds();
        return new AccountEventBody
        {
            Type = recorded.Event.Name,
            Version = recorded.Version,
            EventId = recorded.EventId,
            CreatedAt = happened,
            LastModified = happened,
            AccountNumber = recorded.Stream,
            CorrelationId = recorded.CorrelationId,
            CausationId = recorded.CausationId,
        };
    }
}
