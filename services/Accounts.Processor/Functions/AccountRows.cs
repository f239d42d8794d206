using Accounts.Contracts;
using Accounts.Domain;

namespace Accounts.Processor.Functions;

/// <summary>How an account stands in a row, and back.</summary>
internal static class AccountRows
{
    public static AccountBody BodyOf(Account account, long version) => new()
    {
        CreatedAt = account.CreatedAt,
        LastModified = account.LastModified,
        UserId = account.UserId,
        AccountNumber = account.AccountNumber,
        DefaultAccount = account.DefaultAccount,
        Status = Names[account.Status],
        Version = version,
    };

    public static Account AccountOf(AccountBody body) =>
        new(body.CreatedAt, body.LastModified, body.UserId, body.AccountNumber, body.DefaultAccount, Statuses[body.Status]);

    public static string? ReasonOf(AccountEvent happened) => happened switch
    {
        AccountEvent.Confirmed e => e.Reason,
        AccountEvent.Activated e => e.Reason,
        AccountEvent.Suspended e => e.Reason,
        AccountEvent.Archived e => e.Reason,
        AccountEvent.MadeDefault e => e.Reason,
        AccountEvent.DefaultCleared e => e.Reason,
        _ => null,
    };

    private static readonly Dictionary<AccountStatus, string> Names = new()
    {
        [AccountStatus.Pending] = "ACCOUNT_PENDING",
        [AccountStatus.Confirmed] = "ACCOUNT_CONFIRMED",
        [AccountStatus.Active] = "ACCOUNT_ACTIVE",
        [AccountStatus.Suspended] = "ACCOUNT_SUSPENDED",
        [AccountStatus.Archived] = "ACCOUNT_ARCHIVED",
    };

    private static readonly Dictionary<string, AccountStatus> Statuses = Names.ToDictionary(pair => pair.Value, pair => pair.Key);
}
