using Accounts.Contracts;
using Accounts.Domain;
using Accounts.Processor.Consumers;

namespace Accounts.Processor.Functions;

/// <summary>Every event with the account after it. One row an event, which never changes.</summary>
internal static class HistoryView
{
    public static Function.View Function { get; } = new()
    {
        Name = Views.History,
        Reads = (at, logged) => logged.Version == 1 ? [] : [new RowRead(RowKeys.History(at, logged.Account, logged.Version - 1))],
        Fold = Fold,
    };

    private static IEnumerable<RowWrite> Fold(ViewPointer at, LoggedEvent logged, Rows rows)
    {
        var before = logged.Version == 1
            ? null
            : rows.Get(RowKeys.History(at, logged.Account, logged.Version - 1), ContractsJson.Default.AccountEventBody);
        if (before is null && logged.Version > 1)
        {
            throw new MissingRowException(logged, $"version {logged.Version - 1} is not in the view");
        }

        var happened = logged.Event;
        var account = Account.Evolve(before is null ? null : AccountRows.AccountOf(before.Account), happened);
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
}
