using System.Globalization;
using System.Text;

namespace Accounts.Contracts;

/// <summary>Names of the views.</summary>
public static class Views
{
    /// <summary>Accounts in pages, for lists and counts: <see cref="IndexRow"/>, at <see cref="IndexTree.Key"/>.</summary>
    public const string Index = "index";

    /// <summary>One row an account, by number: <see cref="AccountRow"/>.</summary>
    public const string Account = "account";

    /// <summary>
    /// One row an event, by number and version: <see cref="AccountEventBody"/>; and one a record of the log, with the same
    /// events by their place: <see cref="FeedRow"/>.
    /// </summary>
    public const string History = "history";
}

/// <summary>Which rows of a view are read now, as kept at <see cref="RowKeys.PointerTo"/>.</summary>
/// <param name="LogId">See <see cref="ViewPointer"/>.</param>
/// <param name="Generation">See <see cref="ViewPointer"/>.</param>
/// <param name="Changing">
/// True while another generation is about to take over, or just has: whoever reads rows reads the pointer before, each time,
/// so that nobody sees the old rows who may have seen the new ones.
/// </param>
public sealed record PointerRow(string LogId, string Generation, bool? Changing = null);

/// <summary>Which rows of a view are meant.</summary>
/// <param name="LogId">The log that the rows were made of; lower-case hexadecimal.</param>
/// <param name="Generation">The filling of the view; never used again for another.</param>
public sealed record ViewPointer(string LogId, string Generation);

/// <summary>The row of an account.</summary>
public sealed record AccountRow
{
    /// <summary>The account's version; a row takes exactly the next one.</summary>
    public required long Version { get; init; }

    /// <summary>The account, without links.</summary>
    public required AccountBody Account { get; init; }

    /// <summary>The names of the commands that are legal now.</summary>
    public required IReadOnlyList<string> Commands { get; init; }

    /// <summary><c>partition:position</c> of the event that made this version.</summary>
    public required string Position { get; init; }

    /// <summary>True when the view could not take the account's next event: there are newer versions than this.</summary>
    public bool? Held { get; init; }
}

/// <summary>
/// The events of one record of the log, in order. Every record has its row, also one without events, so that whoever reads
/// a partition row by row can tell "nothing" from "not yet".
/// </summary>
/// <param name="Items">The events; empty when the record holds only outcomes.</param>
public sealed record FeedRow(IReadOnlyList<AccountEventBody> Items);

/// <summary>How far a function has come in one partition of the log. Kept at <see cref="RowKeys.Checkpoint"/>.</summary>
/// <param name="Position">Everything up to this position has taken effect; 0 before the first.</param>
/// <param name="Events">How many events that were, whether the function handles them or not; null when nobody has counted from the first.</param>
public sealed record CheckpointRow(long Position, long? Events = null);

/// <summary>
/// Keys of the views' rows. They use only <c>A-Z a-z 0-9 . - { }</c>, are at most 200 characters, and no two differ only by
/// case, because some databases ignore case, accents and trailing spaces in keys.
/// </summary>
public static class RowKeys
{
    /// <summary>Greatest length of a key.</summary>
    public const int MaxLength = 200;

    /// <summary>Where the pointer of a view is.</summary>
    public static string PointerTo(string view) => $"{view}.pointer";

    /// <summary>The row of an account.</summary>
    public static string Account(ViewPointer at, string number) => Row(at, Views.Account, Escape(number));

    /// <summary>The row of an event.</summary>
    public static string History(ViewPointer at, string number, long version) =>
        Row(at, Views.History, string.Create(CultureInfo.InvariantCulture, $"{Escape(number)}.{version}"));

    /// <summary>The events of a record of the log, whether it has any or not: <see cref="FeedRow"/>.</summary>
    public static string Feed(ViewPointer at, int partition, long position) =>
        Row(at, "feed", string.Create(CultureInfo.InvariantCulture, $"{partition}.{position}"));

    /// <summary>The checkpoint of a function in a partition of the log.</summary>
    public static string Checkpoint(ViewPointer at, string function, int partition) =>
        Row(at, "checkpoint", string.Create(CultureInfo.InvariantCulture, $"{function}.{partition}"));

    /// <summary>What a function holds back of an account: <see cref="HeldRow"/>.</summary>
    public static string Held(ViewPointer at, string function, string account) => Row(at, "held", $"{function}.{Escape(account)}");

    /// <summary>Which accounts a function holds back in a partition: one of several rows, <see cref="HeldListRow"/>.</summary>
    public static string HeldList(ViewPointer at, string function, int partition, int page) =>
        Row(at, "held-accounts", string.Create(CultureInfo.InvariantCulture, $"{function}.{partition}.{page}"));

    /// <summary>A row of any view; the key is already escaped.</summary>
    /// <exception cref="ArgumentException">The whole would be too long for a state store.</exception>
    public static string Row(ViewPointer at, string view, string key)
    {
        ArgumentNullException.ThrowIfNull(at);
        var row = $"{at.LogId}.{view}.{at.Generation}.{key}";
        return row.Length <= MaxLength ? row : throw new ArgumentException($"The key of a row of {view} would have {row.Length} characters.", nameof(key));
    }

    /// <summary>
    /// Writes any text so that it can be part of a key: <c>A-Z 0-9 -</c> stay, every other byte of its UTF-8 form becomes two
    /// lower-case hexadecimal digits in braces. Different texts never give keys that differ only by case.
    /// </summary>
    public static string Escape(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.All(Stays))
        {
            return text;
        }

        var escaped = new StringBuilder();
        foreach (var b in Encoding.UTF8.GetBytes(text))
        {
            if (Stays((char)b))
            {
                escaped.Append((char)b);
            }
            else
            {
                escaped.Append(CultureInfo.InvariantCulture, $"{{{b:x2}}}");
            }
        }

        return escaped.ToString();
    }

    private static bool Stays(char c) => c is (>= 'A' and <= 'Z') or (>= '0' and <= '9') or '-';
}
