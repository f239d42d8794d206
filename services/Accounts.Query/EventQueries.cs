using System.ComponentModel;
using System.Globalization;
using Accounts.Contracts;
using ServiceDefaults;

namespace Accounts.Query;

/// <summary>The events of one account, in either direction.</summary>
internal static class EventQueries
{
    /// <summary>What a client asked for; versions are exclusive.</summary>
    private sealed record Window(bool Descending, long After, long Before, int Limit, string Repeated);

    public static void MapEventQueries(this RouteGroupBuilder accounts) =>
        accounts.MapMethods("/{accountNumber}/events", AccountQueries.Safe, (
            string accountNumber,
            [Description("asc (oldest first, if absent) or desc")] string? order,
            [Description("Only events after this version.")] string? after,
            [Description("Only events before this version.")] string? before,
            [Description("Most events in a page: 1 to 500, 100 if absent.")] string? limit,
            HttpContext context, HistoryRows rows, ViewRows views, Freshness freshness) => ListAsync(accountNumber, order, after, before, limit, context, rows, views, freshness))
            .WithName("listEvents").WithSummary("The events of an account, oldest or newest first")
            .Answers<EventsBody>(200, "A page of events, each with the account after it. Empty while the history, which has its own pace, has not come to an account that is shown.")
            .Sends(200, "Link", "The next page (rel=\"next\"), when there is one.")
            .WaitsForVersion()
            .Refuses(404, "There is no account with this number, or no view shows it yet.");

    private static async Task<IResult> ListAsync(
        string number, string? order, string? after, string? before, string? limit, HttpContext context, HistoryRows rows, ViewRows views, Freshness freshness)
    {
        var wrong = new Dictionary<string, string[]>();
        var window = Read(order, after, before, limit, wrong);
        var wanted = Freshness.ReadMinVersion(context.Request, wrong);
        var wait = Freshness.ReadWait(context.Request, wrong);
        if (wrong.Count > 0)
        {
            return Problems.Invalid(wrong).Result();
        }

        if (!AccountNumbers.IsValid(number))
        {
            return AccountQueries.UnknownAccount.Result();
        }

        if (await freshness.LacksAsync(context, wait, rows, number, wanted) is { } problem)
        {
            return problem.Result();
        }

        var cancellation = context.RequestAborted;
        var (page, more) = window.Descending ? await DescendAsync(rows, number, window, cancellation) : await AscendAsync(rows, number, window, cancellation);

        // Where the account is shown, the history has just not come to it yet: the link to its events is offered already.
        if (page.Count == 0 && await rows.FindAsync(number, 1, cancellation) is null && await views.AccountAsync(number, cancellation) is null)
        {
            return AccountQueries.UnknownAccount.Result();
        }

        context.Response.Headers.CacheControl = "no-cache";
        if (more)
        {
            var next = window.Descending ? $"order=desc&before={page[^1].Version}" : $"after={page[^1].Version}";
            context.Response.Headers.Link = $"<{Addresses.Events("", number)}?{next}{window.Repeated}>; rel=\"next\"";
        }

        return TypedResults.Json(new EventsBody(page), ContractsJson.Default.EventsBody, Negotiation.AnswerType(context.Request));
    }

    private static async Task<(IReadOnlyList<AccountEventBody> Page, bool More)> AscendAsync(HistoryRows rows, string number, Window window, CancellationToken cancellation)
    {
        // One more than the page has, so that it is known whether there are more.
        var last = Math.Min(window.Before - 1, window.After + window.Limit + 1);
        var found = await rows.RangeAsync(number, window.After + 1, last, cancellation);
        return found.Count > window.Limit ? ([.. found.Take(window.Limit)], true) : (found, false);
    }

    private static async Task<(IReadOnlyList<AccountEventBody> Page, bool More)> DescendAsync(HistoryRows rows, string number, Window window, CancellationToken cancellation)
    {
        var newest = window.Before - 1;
        if (newest >= AccountNumbers.MaxUserId || (newest > 0 && await rows.FindAsync(number, newest, cancellation) is null))
        {
            newest = (await rows.LastAsync(number, _ => true, cancellation))?.Version ?? 0;
        }

        var oldest = Math.Max(window.After + 1, newest - window.Limit + 1);
        var found = await rows.RangeAsync(number, oldest, newest, cancellation);
        return ([.. found.Reverse()], found.Count > 0 && oldest > window.After + 1);
    }

    private static Window Read(string? order, string? after, string? before, string? limit, Dictionary<string, string[]> wrong)
    {
        if (order is not (null or "asc" or "desc"))
        {
            wrong["order"] = ["must be asc or desc"];
        }

        var descending = order == "desc";
        var window = new Window(
            descending,
            after is null ? 0 : Wholes.Read(after, "after", 0, AccountNumbers.MaxUserId, wrong) ?? 0,
            before is null ? AccountNumbers.MaxUserId + 1 : Wholes.Read(before, "before", 0, AccountNumbers.MaxUserId, wrong) ?? 0,
            EventPages.ReadLimit(limit, wrong),
            "");

        // The next page is of the same size, and ends where this one does.
        var end = descending ? after is null ? "" : $"&after={window.After}" : before is null ? "" : $"&before={window.Before}";
        return window with { Repeated = limit is null ? end : string.Create(CultureInfo.InvariantCulture, $"{end}&limit={window.Limit}") };
    }
}

/// <summary>How many events a page may have.</summary>
internal static class EventPages
{
    private const int DefaultLimit = 100;
    private const int MaxLimit = 500;

    public static int ReadLimit(string? limit, Dictionary<string, string[]> wrong) =>
        limit is null ? DefaultLimit : (int)(Wholes.Read(limit, "limit", 1, MaxLimit, wrong) ?? DefaultLimit);
}
