using System.Globalization;
using System.Text.Json.Serialization;

namespace Accounts.Contracts;

/// <summary>An account in a list: whole, so that a newer version just replaces an older one.</summary>
public sealed record IndexEntry
{
    /// <summary>The how-manieth account of its partition it is, from 1; never changes, and grows with the time of creation.</summary>
    [JsonPropertyName("o")]
    public required long Ordinal { get; init; }

    /// <summary>Time of the event that made it its user's default account; null when it is not.</summary>
    [JsonPropertyName("s")]
    public long? DefaultSince { get; init; }

    /// <summary>The account, without links.</summary>
    [JsonPropertyName("a")]
    public required AccountBody Account { get; init; }
}

/// <summary>An account that is a user's default, and since when. Of several the latest time, then the greater number, wins.</summary>
public sealed record IndexDefault(
    [property: JsonPropertyName("t")] long Since,
    [property: JsonPropertyName("n")] string Number)
{
    /// <summary>The winner of two.</summary>
    public static IndexDefault? Latest(IndexDefault? one, IndexDefault? other) =>
        one is null ? other : other is null || one.Beats(other) ? one : other;

    /// <summary>True when this one wins.</summary>
    public bool Beats(IndexDefault other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return (Since, string.CompareOrdinal(Number, other.Number)).CompareTo((other.Since, 0)) > 0;
    }
}

/// <summary>What is below a row: made of what that row holds, so it is replaced by one with a greater revision, never added to.</summary>
public sealed record IndexSummary
{
    /// <summary>The statuses in the order of <see cref="Counts"/>.</summary>
    public static IReadOnlyList<string> Statuses { get; } =
        ["ACCOUNT_PENDING", "ACCOUNT_CONFIRMED", "ACCOUNT_ACTIVE", "ACCOUNT_SUSPENDED", "ACCOUNT_ARCHIVED"];

    /// <summary>Names the row, in its tree.</summary>
    [JsonPropertyName("l")]
    public required string Label { get; init; }

    /// <summary>The versions of all accounts below, added up: it grows with every event.</summary>
    [JsonPropertyName("r")]
    public required long Revision { get; init; }

    /// <summary>How many accounts are below: for each status those that are not default accounts, then those that are.</summary>
    [JsonPropertyName("c")]
    public required IReadOnlyList<int> Counts { get; init; }

    /// <summary>The smallest ordinal below.</summary>
    [JsonPropertyName("o")]
    public required long FirstOrdinal { get; init; }

    /// <summary>The greatest ordinal below.</summary>
    [JsonPropertyName("p")]
    public required long LastOrdinal { get; init; }

    /// <summary>When the oldest account below was created, in epoch milliseconds.</summary>
    [JsonPropertyName("t")]
    public required long FirstCreated { get; init; }

    /// <summary>When the newest account below was created, in epoch milliseconds.</summary>
    [JsonPropertyName("u")]
    public required long LastCreated { get; init; }

    /// <summary>The latest default account below; only in a user's rows.</summary>
    [JsonPropertyName("d")]
    public IndexDefault? Default { get; init; }
}

/// <summary>A row of the index: accounts, and summaries of the rows below it.</summary>
public sealed record IndexRow
{
    /// <summary>A row that is not there.</summary>
    public static IndexRow Empty { get; } = new();

    /// <summary>The accounts that are kept in this row, by ordinal.</summary>
    public IReadOnlyList<IndexEntry> Entries { get; init; } = [];

    /// <summary>The rows below.</summary>
    public IReadOnlyList<IndexSummary> Below { get; init; } = [];

    /// <summary>Only in the top row of a user: the same accounts once more, by their numbers.</summary>
    public IReadOnlyList<IndexSummary> ByNumber { get; init; } = [];

    /// <summary>The commands that are legal, by status, for the statuses that occur in this row.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Commands { get; init; } = new Dictionary<string, IReadOnlyList<string>>();
}

/// <summary>
/// The trees of the index. Each belongs to one partition of the log, so that no two partitions ever write the same row: one
/// holds all accounts of the partition, and one for each user those of the user that are in the partition.
/// </summary>
/// <param name="Partition">The partition.</param>
/// <param name="User">The user; null for the tree of all accounts.</param>
public readonly record struct IndexTree(int Partition, long? User = null)
{
    /// <summary>Label of the row at the top of every tree.</summary>
    public const string Top = "top";

    /// <summary>Most accounts in a row.</summary>
    public const int RowAccounts = 50;

    /// <summary>Most rows below a row of the tree of all accounts.</summary>
    public const int RowsBelow = 100;

    private const string Digits = "0123456789ABCDEFGHIJKLMNOPQRSTUV";

    /// <summary>Key of a row.</summary>
    public string Key(ViewPointer at, string label) => RowKeys.Row(at, Views.Index, User is { } user
        ? string.Create(CultureInfo.InvariantCulture, $"u{user}.{Partition}.{label}")
        : string.Create(CultureInfo.InvariantCulture, $"{Partition}.{label}"));

    /// <summary>
    /// In the tree of all accounts: the labels of the rows from the top to the one that holds the account. Its place follows
    /// from its ordinal alone. The height grows with the ordinal, so that small systems have few rows and no row is large.
    /// </summary>
    public static IReadOnlyList<string> Path(long ordinal)
    {
        var page = (ordinal - 1) / RowAccounts;
        var block = page / RowsBelow;
        var hall = block / RowsBelow;
        string[] lowest = [FormattableString.Invariant($"b{block}"), FormattableString.Invariant($"p{page}")];
        return hall == 0 ? [Top, .. lowest] : [Top, FormattableString.Invariant($"h{hall}"), .. lowest];
    }

    /// <summary>
    /// In the tree of a user: the labels of the rows that may hold an account besides the top, nearest to it first, by creation
    /// and by number. A row takes accounts until it is full, and whatever comes later goes further down; nothing ever moves.
    /// </summary>
    public static (IReadOnlyList<string> ByCreation, IReadOnlyList<string> ByNumber) Ways(long ordinal, string number)
    {
        ArgumentNullException.ThrowIfNull(number);
        var digits = "";
        for (var rest = ordinal; rest > 0; rest /= Digits.Length)
        {
            digits = Digits[(int)(rest % Digits.Length)] + digits;
        }

        // The number of digits comes first, so that the order of the texts is that of the ordinals.
        return (Way('o', $"{Digits[digits.Length]}{digits}"), Way('n', number));
    }

    private static string[] Way(char kind, string key) => [.. Enumerable.Range(1, key.Length).Select(length => kind + key[..length])];
}
