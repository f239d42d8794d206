using System.Text.Json.Serialization;

namespace Accounts.Domain;

/// <summary>Where an account is in its life. The JSON names are part of the storage format and of the public API.</summary>
public enum AccountStatus
{
    /// <summary>Created, not yet confirmed.</summary>
    [JsonStringEnumMemberName("ACCOUNT_PENDING")]
    Pending,

    /// <summary>Confirmed, not yet active.</summary>
    [JsonStringEnumMemberName("ACCOUNT_CONFIRMED")]
    Confirmed,

    /// <summary>In use.</summary>
    [JsonStringEnumMemberName("ACCOUNT_ACTIVE")]
    Active,

    /// <summary>Out of use for a while.</summary>
    [JsonStringEnumMemberName("ACCOUNT_SUSPENDED")]
    Suspended,

    /// <summary>Out of use until someone activates it again.</summary>
    [JsonStringEnumMemberName("ACCOUNT_ARCHIVED")]
    Archived,
}

/// <summary>The names of statuses, as they are stored and shown.</summary>
public static class AccountStatusNames
{
    /// <summary>The status's name.</summary>
    public static string Of(AccountStatus status) => status switch
    {
        AccountStatus.Pending => "ACCOUNT_PENDING",
        AccountStatus.Confirmed => "ACCOUNT_CONFIRMED",
        AccountStatus.Active => "ACCOUNT_ACTIVE",
        AccountStatus.Suspended => "ACCOUNT_SUSPENDED",
        AccountStatus.Archived => "ACCOUNT_ARCHIVED",
        _ => throw new ArgumentOutOfRangeException(nameof(status), status, null),
    };

    /// <summary>The status with this name; null when there is none.</summary>
    public static AccountStatus? Parse(string name) => name switch
    {
        "ACCOUNT_PENDING" => AccountStatus.Pending,
        "ACCOUNT_CONFIRMED" => AccountStatus.Confirmed,
        "ACCOUNT_ACTIVE" => AccountStatus.Active,
        "ACCOUNT_SUSPENDED" => AccountStatus.Suspended,
        "ACCOUNT_ARCHIVED" => AccountStatus.Archived,
        _ => null,
    };
}

/// <summary>An account: what the events of its number add up to. Its JSON form is kept in snapshots.</summary>
/// <param name="CreatedAt">Time of the first event, in epoch milliseconds.</param>
/// <param name="LastModified">Time of the last event, in epoch milliseconds; never goes back.</param>
/// <param name="UserId">The user whose account it is.</param>
/// <param name="AccountNumber">Its number, unique among all accounts.</param>
/// <param name="DefaultAccount">True when it is meant to be its user's default account.</param>
/// <param name="Status">Where it is in its life.</param>
/// <param name="DefaultSince">Time of the event that made it the default account; null when it is not, and in older snapshots.</param>
public sealed record Account(
    long CreatedAt, long LastModified, long UserId, string AccountNumber, bool DefaultAccount, AccountStatus Status, long? DefaultSince = null)
{
    /// <summary>
    /// Folds one event into the account. An event that cannot follow is a fault, not a refusal: it was checked when it
    /// was decided.
    /// </summary>
    public static Account Evolve(Account? state, AccountEvent happened) => (state, happened) switch
    {
        (null, AccountEvent.Created e) =>
            new Account(
            e.CreatedAt, e.LastModified, e.UserId, e.AccountNumber, e.DefaultAccount, AccountStatus.Pending, e.DefaultAccount ? e.CreatedAt : null),
        ({ } account, AccountEvent.Confirmed e) => account with { Status = AccountStatus.Confirmed, LastModified = e.LastModified },
        ({ } account, AccountEvent.Activated e) => account with { Status = AccountStatus.Active, LastModified = e.LastModified },
        ({ } account, AccountEvent.Suspended e) => account with { Status = AccountStatus.Suspended, LastModified = e.LastModified },
        ({ } account, AccountEvent.Archived e) => account with { Status = AccountStatus.Archived, LastModified = e.LastModified },
        ({ } account, AccountEvent.MadeDefault e) => account with
        {
            DefaultAccount = true,
            DefaultSince = e.CreatedAt,
            LastModified = e.LastModified,
        },
        ({ } account, AccountEvent.DefaultCleared e) => account with
        {
            DefaultAccount = false,
            DefaultSince = null,
            LastModified = e.LastModified,
        },
        _ => throw new InvalidOperationException($"{happened.GetType().Name} cannot follow when the account is {state?.Status.ToString() ?? "missing"}."),
    };
}
