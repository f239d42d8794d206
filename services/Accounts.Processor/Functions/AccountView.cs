using Accounts.Contracts;
using Accounts.Domain;
using Accounts.Processor.Consumers;

namespace Accounts.Processor.Functions;

/// <summary>The account as it is now, with the commands that are legal on it. One row an account.</summary>
internal static class AccountView
{
    public static Function.View Function { get; } = new()
    {
        Name = Views.Account,
        Reads = (at, logged) => [new RowRead(RowKeys.Account(at, logged.Account), New: logged.Version == 1)],
        Fold = Fold,
        Mark = Mark,
    };

    private static IEnumerable<RowWrite> Fold(ViewPointer at, LoggedEvent logged, Rows rows)
    {
        var key = RowKeys.Account(at, logged.Account);
        var row = rows.Get(key, ContractsJson.Default.AccountRow);
        if (!NextVersion.Takes(row?.Version ?? 0, logged))
        {
            yield break;
        }

        var account = Account.Evolve(row is null ? null : AccountRows.AccountOf(row.Account), logged.Event);
        yield return RowWrite.Changing(key, new AccountRow
        {
            Version = logged.Version,
            Account = AccountRows.BodyOf(account, logged.Version),
            Commands = Decision.Legal(account),
            Position = logged.Recorded.Position.ToString(),
        }, ContractsJson.Default.AccountRow);
    }

    private static IEnumerable<RowWrite> Mark(ViewPointer at, string account, long missing, Rows rows)
    {
        var key = RowKeys.Account(at, account);
        return rows.Get(key, ContractsJson.Default.AccountRow) is { } row && row.Version == missing - 1 && row.Held is not true
            ? [RowWrite.Changing(key, row with { Held = true }, ContractsJson.Default.AccountRow)]
            : [];
    }
}
