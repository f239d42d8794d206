using System.ComponentModel;
using System.Globalization;
using Accounts.Contracts;
using ServiceDefaults;

namespace Accounts.Query.Feed;

/// <summary>All events of all accounts, page by page.</summary>
internal static class FeedQueries
{
    private const int MostRowsPerPartition = 32;

    // What a request may cost where the log has records without events, and nothing else, for long.
    private const int MostReads = 32;

    public static void MapFeed(this WebApplication app) => app.MapPublic("/v1/events").WithTags("Events")
        .MapMethods("", AccountQueries.Safe, (
            [Description("Goes on after these places: next of an earlier page. Absent: from the first event.")] string? after,
            [Description("Most events in a page: 1 to 500, 100 if absent.")] string? limit,
            HttpContext context, FeedRows rows) => ListAsync(after, limit, context, rows))
        .WithName("listAllEvents").WithSummary("All events of all accounts, each once")
        .WithDescription("The events of one account come in their order. Between accounts there is no order: the events do not come by time, and another reader may see them in another sequence.")
        .Answers<FeedBody>(200, "A page of events, each with the account after it, and the places to go on from, later too.")
        .Sends(200, "Link", "The next page (rel=\"next\"); absent when there is nothing more for now.")
        .WaitsForPosition(Views.History);

    private static async Task<IResult> ListAsync(string? after, string? limit, HttpContext context, FeedRows rows)
    {
        var wrong = new Dictionary<string, string[]>();
        var size = EventPages.ReadLimit(limit, wrong);
        var places = after is null ? null : Read(after, "after", wrong);
        if (wrong.Count > 0)
        {
            return Problems.Invalid(wrong).Result();
        }

        var items = new List<AccountEventBody>();
        var isEnd = true;
        if (await rows.OpenAsync(context.RequestAborted) is { } feed)
        {
            places ??= Places.Beginning(feed.At, feed.Partitions);
            if (!places.AreOf(feed.At, feed.Partitions))
            {
                return OfAnotherLog("after").Result();
            }

            isEnd = await FillAsync(items, size, places, feed, rows, context.RequestAborted);
        }

        context.Response.Headers.CacheControl = "no-cache";
        if (!isEnd)
        {
            var sameSize = limit is null ? "" : string.Create(CultureInfo.InvariantCulture, $"&limit={size}");
            context.Response.Headers.Link = $"</v1/events?after={places}{sameSize}>; rel=\"next\"";
        }

        return TypedResults.Json(new FeedBody(items, places?.ToString()), ContractsJson.Default.FeedBody, Negotiation.AnswerType(context.Request));
    }

    /// <summary>Places that a client sends; null, and something is wrong, when they are none.</summary>
    public static Places? Read(string text, string name, Dictionary<string, string[]> wrong)
    {
        var places = Places.Parse(text);
        if (places is null)
        {
            wrong[name] = ["is none that was given here"];
        }

        return places;
    }

    /// <summary>The problem with places that are well formed and of a log that is no more.</summary>
    public static Problem OfAnotherLog(string name) => Problems.Invalid(name, "is of another log: begin anew");

    /// <summary>
    /// Reads until the page is full, or has cost enough, or there is nothing more, and then it returns true. The partitions take
    /// turns, so that none has to wait for another's end.
    /// </summary>
    private static async Task<bool> FillAsync(
        List<AccountEventBody> items, int size, Places places, FeedView feed, FeedRows rows, CancellationToken cancellation)
    {
        var partitions = Enumerable.Range(0, feed.Partitions).ToList();
        var each = 2;
        for (var reads = 0; items.Count < size && partitions.Count > 0 && reads < MostReads; reads++)
        {
            var page = await rows.ReadAsync(feed, [.. partitions.Select(partition => (partition, places[partition].Position))], each, cancellation);
            for (var turn = 0; turn < page.Each; turn++)
            {
                for (var i = 0; i < partitions.Count && items.Count < size; i++)
                {
                    if (turn < page.Rows[i].Count)
                    {
                        Take(items, size, places, partitions[i], page.Rows[i][turn]);
                    }
                }
            }

            partitions = [.. partitions.Where((_, i) => page.IsFull(i))];
            each = Math.Min(2 * each, MostRowsPerPartition);
        }

        return items.Count < size && partitions.Count == 0;
    }

    private static void Take(List<AccountEventBody> items, int size, Places places, int partition, FeedRow row)
    {
        var place = places[partition];
        var taken = row.Items.Skip(place.Events).Take(size - items.Count).ToList();
        items.AddRange(taken);
        var seen = place.Events + taken.Count;
        places.Advance(partition, seen >= row.Items.Count ? new Place(place.Position + 1, 0) : place with { Events = seen });
    }
}
