using System.Text.Json.Serialization;

namespace Accounts.Domain;

// The members below, in camel case, are the storage format: tests pin them. Add optional members, or a new schema number
// in AccountStorage; never rename or remove one.

/// <summary>Something that happened to an account.</summary>
public abstract record AccountEvent
{
    private AccountEvent(long createdAt, string accountNumber, long? user) => (CreatedAt, AccountNumber, User) = (createdAt, accountNumber, user);

    /// <summary>When it happened, in epoch milliseconds; never earlier than the account's event before.</summary>
    public long CreatedAt { get; }

    /// <summary>The same time: an event is never changed.</summary>
    public long LastModified => CreatedAt;

    /// <summary>The account's number.</summary>
    public string AccountNumber { get; }

    /// <summary>
    /// The user whose account it is, in the member <c>userId</c>. Null in what was stored before every event carried it: then
    /// only the account's first event tells, and whoever needs the user looks where that one has left it.
    /// </summary>
    [JsonIgnore]
    public long? User { get; }

    /// <summary>The account was opened, and is pending.</summary>
    public sealed record Created(long CreatedAt, string AccountNumber, long UserId, bool DefaultAccount) : AccountEvent(CreatedAt, AccountNumber, UserId);

    /// <summary>The account was confirmed.</summary>
    public sealed record Confirmed(long CreatedAt, string AccountNumber, string? Reason = null, long? UserId = null)
        : AccountEvent(CreatedAt, AccountNumber, UserId);

    /// <summary>The account came into use.</summary>
    public sealed record Activated(long CreatedAt, string AccountNumber, string? Reason = null, long? UserId = null)
        : AccountEvent(CreatedAt, AccountNumber, UserId);

    /// <summary>The account was taken out of use for a while.</summary>
    public sealed record Suspended(long CreatedAt, string AccountNumber, string? Reason = null, long? UserId = null)
        : AccountEvent(CreatedAt, AccountNumber, UserId);

    /// <summary>The account was put away.</summary>
    public sealed record Archived(long CreatedAt, string AccountNumber, string? Reason = null, long? UserId = null)
        : AccountEvent(CreatedAt, AccountNumber, UserId);

    /// <summary>The account became its user's default.</summary>
    public sealed record MadeDefault(long CreatedAt, string AccountNumber, string? Reason = null, long? UserId = null)
        : AccountEvent(CreatedAt, AccountNumber, UserId);

    /// <summary>The account is no longer its user's default.</summary>
    public sealed record DefaultCleared(long CreatedAt, string AccountNumber, string? Reason = null, long? UserId = null)
        : AccountEvent(CreatedAt, AccountNumber, UserId);
}
