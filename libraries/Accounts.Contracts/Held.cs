namespace Accounts.Contracts;

/// <summary>
/// The events of one account that a function holds back, because it could not take the first of them. Kept at
/// <see cref="RowKeys.Held"/>; stays, as <see cref="HeldStates.Released"/>, when all of them have taken effect.
/// </summary>
public sealed record HeldRow
{
    /// <summary>The account.</summary>
    public required string Account { get; init; }

    /// <summary>Its partition in the log.</summary>
    public required int Partition { get; init; }

    /// <summary>Version of the event that the function could not take.</summary>
    public required long Version { get; init; }

    /// <summary>Position of that event in the partition.</summary>
    public required long Position { get; init; }

    /// <summary>Its stored name.</summary>
    public required string Event { get; init; }

    /// <summary>Its id.</summary>
    public required string EventId { get; init; }

    /// <summary>Why, for people; says nothing of the inside of the service.</summary>
    public required string Cause { get; init; }

    /// <summary>Since when, in epoch milliseconds.</summary>
    public required long Since { get; init; }

    /// <summary>One of <see cref="HeldStates"/>.</summary>
    public required string State { get; init; }

    /// <summary>How often the function has tried.</summary>
    public required int Attempts { get; init; }

    /// <summary>When it tries again by itself, in epoch milliseconds.</summary>
    public long? RetryAt { get; init; }

    /// <summary>What an operator wants: one of <see cref="HeldWishes"/>.</summary>
    public string? Wish { get; init; }

    /// <summary>Everything up to this version has taken effect, or was discarded.</summary>
    public required long Done { get; init; }

    /// <summary>The latest version that is held.</summary>
    public required long Last { get; init; }

    /// <summary>How many events are held, the first included.</summary>
    public required long Events { get; init; }
}

/// <summary>
/// Accounts that a function holds back in a partition of the log, by number. There are always <see cref="Pages"/> of these rows,
/// at <see cref="RowKeys.HeldList"/>, because state stores cannot list keys; each account is in one of them.
/// </summary>
/// <param name="Accounts">The accounts; what is held of each is in its <see cref="HeldRow"/>.</param>
public sealed record HeldListRow(IReadOnlyList<string> Accounts)
{
    /// <summary>How many there are for each function and partition.</summary>
    public const int Pages = 10;
}

/// <summary>Values of <see cref="HeldRow.State"/>.</summary>
public static class HeldStates
{
    /// <summary>The function tries again by itself, a few times.</summary>
    public const string Retrying = "retrying";

    /// <summary>Somebody has to look at it.</summary>
    public const string Parked = "parked";

    /// <summary>All is well again.</summary>
    public const string Released = "released";
}

/// <summary>Values of <see cref="HeldRow.Wish"/>.</summary>
public static class HeldWishes
{
    /// <summary>Try the event again, and then those behind it.</summary>
    public const string Replay = "replay";

    /// <summary>Leave the event out, and go on with those behind it.</summary>
    public const string Discard = "discard";
}
