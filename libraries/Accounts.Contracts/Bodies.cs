using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;

namespace Accounts.Contracts;

/// <summary>An account as clients see it.</summary>
public sealed record AccountBody
{
    /// <summary>When it was created, in epoch milliseconds.</summary>
    public required long CreatedAt { get; init; }

    /// <summary>Time of its last event, in epoch milliseconds.</summary>
    public required long LastModified { get; init; }

    /// <summary>The user whose account it is.</summary>
    public required long UserId { get; init; }

    /// <summary>Its number.</summary>
    public required string AccountNumber { get; init; }

    /// <summary>True when it is the user's default account.</summary>
    public required bool DefaultAccount { get; init; }

    /// <summary>Where it is in its life.</summary>
    [AllowedValues("ACCOUNT_PENDING", "ACCOUNT_CONFIRMED", "ACCOUNT_ACTIVE", "ACCOUNT_SUSPENDED", "ACCOUNT_ARCHIVED")]
    public required string Status { get; init; }

    /// <summary>How many events it has; also its ETag.</summary>
    public required long Version { get; init; }

    /// <summary>What can be read next, and the commands that are legal now; absent inside events and rows.</summary>
    [JsonPropertyName("_links")]
    public IReadOnlyDictionary<string, Link>? Links { get; init; }
}

/// <summary>One HAL link.</summary>
/// <param name="Href">Where it leads; relative to the address of the answer unless absolute.</param>
public sealed record Link(string Href);

/// <summary>The commands that are legal now, as HAL links, and nothing else.</summary>
/// <param name="Links">The links by command name.</param>
public sealed record CommandsBody([property: JsonPropertyName("_links")] IReadOnlyDictionary<string, Link> Links);

/// <summary>One event as clients see it, with the account after it. Also the row of the history.</summary>
public sealed record AccountEventBody
{
    /// <summary>Stored name, for instance <c>ACCOUNT_CREATED</c>.</summary>
    public required string Type { get; init; }

    /// <summary>The account's version after it: 1, 2, 3 and so on.</summary>
    public required long Version { get; init; }

    /// <summary>The event's id, the same everywhere and for ever.</summary>
    public required string EventId { get; init; }

    /// <summary>When it happened, in epoch milliseconds.</summary>
    public required long CreatedAt { get; init; }

    /// <summary>The same time: an event is never changed.</summary>
    public required long LastModified { get; init; }

    /// <summary>The account's number.</summary>
    public required string AccountNumber { get; init; }

    /// <summary>The user; missing in events that were stored before all of them carried it (<c>ACCOUNT_CREATED</c> always did).</summary>
    public long? UserId { get; init; }

    /// <summary>Only of <c>ACCOUNT_CREATED</c>: whether it began as the default account.</summary>
    public bool? DefaultAccount { get; init; }

    /// <summary>The reason that was given with the command, if any.</summary>
    public string? Reason { get; init; }

    /// <summary>Names the whole of which the command was a part.</summary>
    public required string CorrelationId { get; init; }

    /// <summary>Id of the event or message that caused the command, if any.</summary>
    public string? CausationId { get; init; }

    /// <summary>
    /// The account after the event, without links. Absent only in the feed of all events, of an event that the view could
    /// not take when it came by.
    /// </summary>
    public AccountBody? Account { get; init; }
}

/// <summary>A page of an account's events, in the order that was asked for.</summary>
/// <param name="Items">The events.</param>
public sealed record EventsBody(IReadOnlyList<AccountEventBody> Items);

/// <summary>A page of the events of all accounts.</summary>
/// <param name="Items">The events. Those of one account are in order; there is no order between accounts.</param>
/// <param name="Next">What comes after this page, now or later: to be sent as <c>after</c>. Absent while there is no view.</param>
public sealed record FeedBody(IReadOnlyList<AccountEventBody> Items, string? Next);

/// <summary>What opens an account.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record CreateAccountBody
{
    /// <summary>The user whose account it will be.</summary>
    [Range(0, AccountNumbers.MaxUserId)]
    public required long UserId { get; init; }

    /// <summary>Its number, unique among all accounts; COUNTS, STREAM and IMPORT are reserved.</summary>
    [RegularExpression(AccountNumbers.Pattern)]
    public required string AccountNumber { get; init; }

    /// <summary>Whether it is to be the user's default account.</summary>
    public required bool DefaultAccount { get; init; }
}

/// <summary>What became of one line of an import.</summary>
public sealed record ImportedLine
{
    /// <summary>The how-manieth line of the body it is, from 1; the first of CSV is its header.</summary>
    public required long Line { get; init; }

    /// <summary>The account's version, when it was opened, now or by the same line before.</summary>
    public long? Version { get; init; }

    /// <summary>Why it was not opened.</summary>
    public Problem? Problem { get; init; }
}

/// <summary>What may come with a command; all of it may be left out, the body too.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record CommandBody
{
    /// <summary>Kept in the event; at most 500 characters.</summary>
    [StringLength(500)]
    public string? Reason { get; init; }

    /// <summary>What the command rests on: when the account is not so, the command is accepted and has no effect.</summary>
    public FactBody? If { get; init; }
}

/// <summary>What must be so of an account for a command to have an effect.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record FactBody
{
    /// <summary>The status that it must have.</summary>
    [AllowedValues("ACCOUNT_PENDING", "ACCOUNT_CONFIRMED", "ACCOUNT_ACTIVE", "ACCOUNT_SUSPENDED", "ACCOUNT_ARCHIVED")]
    public string? Status { get; init; }

    /// <summary>Whether it must be the default account.</summary>
    public bool? DefaultAccount { get; init; }

    /// <summary>Time of the event since which it must have been the default account, in epoch milliseconds.</summary>
    [Range(0, AccountNumbers.MaxUserId)]
    public long? DefaultSince { get; init; }
}
