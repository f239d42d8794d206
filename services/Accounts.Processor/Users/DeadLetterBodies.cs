namespace Accounts.Processor.Users;

/// <summary>A message that could not be taken, as operators see it.</summary>
internal sealed record DeadLetterBody
{
    /// <summary>Names it in the addresses of replay and discard.</summary>
    public required string Id { get; init; }

    /// <summary>Id of the message, when it has one.</summary>
    public string? MessageId { get; init; }

    /// <summary>Why it could not be taken, as far as that is known.</summary>
    public required string Reason { get; init; }

    /// <summary>Since when it is kept, in epoch milliseconds.</summary>
    public required long Since { get; init; }

    /// <summary>How often it could not be taken, replays included.</summary>
    public required int Deaths { get; init; }

    /// <summary>False when it was too large to be kept: only its beginning is, and it cannot be replayed.</summary>
    public required bool Whole { get; init; }

    /// <summary>The message as it came; absent in the list.</summary>
    public string? Message { get; init; }

    /// <summary>What was asked for and is not done yet: <c>replay</c>.</summary>
    public string? Requested { get; init; }

    public static DeadLetterBody Of(DeadLetterRow row, bool withMessage) => new()
    {
        Id = row.Id,
        MessageId = row.MessageId,
        Reason = row.Reason,
        Since = row.Since,
        Deaths = row.Deaths,
        Whole = row.Whole,
        Message = withMessage ? row.Message : null,
        Requested = row.Replay ? "replay" : null,
    };
}

/// <summary>A page of them.</summary>
/// <param name="Items">By id.</param>
internal sealed record DeadLetterListBody(IReadOnlyList<DeadLetterBody> Items);
