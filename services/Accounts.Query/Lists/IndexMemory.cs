using System.Collections.Concurrent;
using System.Text.Json;
using Accounts.Contracts;

namespace Accounts.Query.Lists;

/// <summary>A row of the index, and what a summary of it says when it is as new as the row.</summary>
internal sealed record KnownRow(ReadOnlyMemory<byte> Json, IndexRow Row)
{
    public static KnownRow Missing { get; } = new(default, IndexRow.Empty);

    /// <summary>See <see cref="IndexSummary.Revision"/>.</summary>
    public long Revision { get; } = Row.Entries.Sum(entry => entry.Account.Version) + Row.Below.Sum(below => below.Revision);

    public static KnownRow Parse(ReadOnlyMemory<byte> json) => new(json, JsonSerializer.Deserialize(json.Span, ContractsJson.Default.IndexRow)!);
}

/// <summary>
/// What was read of the trees of all accounts before. It only spares work: a row that is read and has the same bytes is not parsed
/// again, and one that holds only summaries is not even read again for a second, while the summary of it says that it is the same.
/// </summary>
internal sealed class IndexMemory(TimeProvider time)
{
    private static readonly TimeSpan Lasts = TimeSpan.FromSeconds(1);
    private const int MostBytes = 8 << 20;
    private const int MostBeginnings = 256;

    private readonly ConcurrentDictionary<string, (KnownRow Row, long ReadAt)> _rows = new();
    private readonly ConcurrentDictionary<string, IReadOnlyList<string>> _beginnings = new();
    private long _bytes;

    /// <summary>The row, parsed once.</summary>
    public KnownRow Row(string key, ReadOnlyMemory<byte> json)
    {
        if (_rows.TryGetValue(key, out var known) && known.Row.Json.Span.SequenceEqual(json.Span))
        {
            _rows[key] = known with { ReadAt = time.GetTimestamp() };
            return known.Row;
        }

        if (Interlocked.Add(ref _bytes, json.Length) > MostBytes)
        {
            Interlocked.Exchange(ref _bytes, json.Length);
            _rows.Clear();
        }

        var parsed = KnownRow.Parse(json);
        _rows[key] = (parsed, time.GetTimestamp());
        return parsed;
    }

    /// <summary>
    /// A row of summaries, when it was read just now; null otherwise. It is as new as the summary of it in another row when it has the
    /// same revision: versions only grow, so equal sums are of equal accounts.
    /// </summary>
    public KnownRow? Current(string key) =>
        _rows.TryGetValue(key, out var known) && known.Row.Row is { Entries.Count: 0, Below.Count: > 0 } && time.GetElapsedTime(known.ReadAt) < Lasts
            ? known.Row
            : null;

    /// <summary>The rows below the tops that the first page of a list was made of the last time.</summary>
    public IReadOnlyList<string> Beginning(string list) => _beginnings.GetValueOrDefault(list, []);

    public void Remember(string list, IReadOnlyList<string> keys)
    {
        if (_beginnings.Count >= MostBeginnings)
        {
            _beginnings.Clear();
        }

        _beginnings[list] = keys;
    }
}
