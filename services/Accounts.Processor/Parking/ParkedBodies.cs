using System.Globalization;
using Accounts.Contracts;

namespace Accounts.Processor.Parking;

/// <summary>An event that a function could not take, as operators see it.</summary>
internal sealed record ParkedBody
{
    /// <summary>Names it in the addresses of replay and discard.</summary>
    public required string Id { get; init; }

    /// <summary>The function.</summary>
    public required string Function { get; init; }

    /// <summary>The generation of a view's rows; <c>1</c> for other functions.</summary>
    public required string Generation { get; init; }

    /// <summary>Number of the account.</summary>
    public required string AccountNumber { get; init; }

    /// <summary>The event's version in the account.</summary>
    public required long Version { get; init; }

    /// <summary>Its place in the log, <c>partition:position</c>.</summary>
    public required string Position { get; init; }

    /// <summary>Its stored name.</summary>
    public required string Event { get; init; }

    /// <summary>Its id, as in the logs.</summary>
    public required string EventId { get; init; }

    /// <summary><c>retrying</c> (it is tried again by itself) or <c>parked</c> (it waits for you).</summary>
    public required string State { get; init; }

    /// <summary>What went wrong.</summary>
    public required string Cause { get; init; }

    /// <summary>Since when, in epoch milliseconds.</summary>
    public required long Since { get; init; }

    /// <summary>How often it was tried.</summary>
    public required int Attempts { get; init; }

    /// <summary>How many later events of the account wait behind it.</summary>
    public required long Waiting { get; init; }

    /// <summary>What was asked for and is not done yet: <c>replay</c> or <c>discard</c>.</summary>
    public string? Requested { get; init; }

    public static ParkedBody Of(string function, string generation, HeldRow row) => new()
    {
        Id = string.Create(CultureInfo.InvariantCulture, $"{function}.{generation}.{row.Account}.{row.Version}"),
        Function = function,
        Generation = generation,
        AccountNumber = row.Account,
        Version = row.Version,
        Position = string.Create(CultureInfo.InvariantCulture, $"{row.Partition}:{row.Position}"),
        Event = row.Event,
        EventId = row.EventId,
        State = row.State,
        Cause = row.Cause,
        Since = row.Since,
        Attempts = row.Attempts,
        Waiting = row.Events - 1,
        Requested = row.Wish,
    };
}

/// <summary>A page of what is parked.</summary>
/// <param name="Items">By function, generation and account number.</param>
internal sealed record ParkedListBody(IReadOnlyList<ParkedBody> Items);
