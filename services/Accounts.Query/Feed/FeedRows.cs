using System.Text.Json;
using Accounts.Contracts;
using ServiceDefaults;

namespace Accounts.Query.Feed;

/// <summary>Where the feed is read: the generation of the history, and how many partitions the log has.</summary>
internal sealed record FeedView(ViewPointer At, int Partitions);

/// <summary>
/// All events by their places in the log. Whatever stands in a row is in the rows of the accounts too: the processor writes
/// it last.
/// </summary>
internal sealed class FeedRows(StateReader state, ViewRows views)
{
    // What fits into one answer of the sidecar, with much to spare for rows that are larger than those before.
    private const int BytesTogether = 1 << 20;
    private const int LeastBytes = 256;
    private volatile int _rowBytes = 1024;

    /// <summary>Null when there is no history (yet).</summary>
    public async Task<FeedView?> OpenAsync(CancellationToken cancellation) =>
        await views.PointerAsync(Views.History) is { } at ? new FeedView(at, await views.PartitionsAsync(at, Views.History, cancellation)) : null;

    /// <summary>How far the history is known to have come in every partition; it may be somewhat further.</summary>
    public async Task<Places> ReachedAsync(FeedView feed, CancellationToken cancellation)
    {
        var places = Places.Beginning(feed.At, feed.Partitions);
        var reached = await views.CheckpointsAsync(feed.At, Views.History, [.. Enumerable.Range(0, feed.Partitions)], cancellation);
        for (var partition = 0; partition < feed.Partitions; partition++)
        {
            places.Advance(partition, new Place(reached[partition] ?? 0, 0));
        }

        return places;
    }

    /// <summary>The next rows of several partitions, in one bulk read.</summary>
    /// <param name="feed">Where they are.</param>
    /// <param name="places">The partitions, each with the position after which to read.</param>
    /// <param name="rows">Most rows of each; fewer when rows are large.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task<FeedPage> ReadAsync(FeedView feed, IReadOnlyList<(int Partition, long After)> places, int rows, CancellationToken cancellation)
    {
        var each = Math.Clamp(BytesTogether / (_rowBytes * places.Count), 1, rows);
        var keys = places.Select(place => Enumerable.Range(1, each).Select(i => RowKeys.Feed(feed.At, place.Partition, place.After + i)).ToList()).ToList();
        var found = await state.ReadManyAsync(Components.Views, [.. keys.SelectMany(some => some)], cancellation);
        if (found.Count > 0)
        {
            _rowBytes = Math.Max(LeastBytes, found.Values.Sum(row => row.Length) / found.Count);
        }

        return new FeedPage(
            [.. keys.Select(some => some.TakeWhile(found.ContainsKey).Select(key => JsonSerializer.Deserialize(found[key].Span, ContractsJson.Default.FeedRow)!).ToList())],
            each);
    }
}

/// <summary>Rows of several partitions, as far as they are there without a gap.</summary>
/// <param name="Rows">For each place that was asked for.</param>
/// <param name="Each">How many were read of each.</param>
internal sealed record FeedPage(IReadOnlyList<IReadOnlyList<FeedRow>> Rows, int Each)
{
    /// <summary>True when more may be there.</summary>
    public bool IsFull(int place) => Rows[place].Count == Each;
}
