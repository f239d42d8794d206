namespace Accounts.Contracts;

/// <summary>A page of accounts.</summary>
/// <param name="Items">The accounts, in the order that was asked for.</param>
public sealed record AccountsBody(IReadOnlyList<AccountBody> Items);

/// <summary>A page of a user's accounts.</summary>
/// <param name="Items">The accounts; never more than one of them is the default.</param>
/// <param name="Counts">All accounts of the user, on this page or not.</param>
public sealed record UserAccountsBody(IReadOnlyList<AccountBody> Items, CountsBody Counts);

/// <summary>How many accounts there are.</summary>
/// <param name="Total">All of them.</param>
/// <param name="ByStatus">Those of each status, also of a status that no account has.</param>
public sealed record CountsBody(long Total, IReadOnlyDictionary<string, long> ByStatus)
{
    /// <summary>The counts when there is no account.</summary>
    public static CountsBody None { get; } = new(0, IndexSummary.Statuses.ToDictionary(status => status, _ => 0L));
}
