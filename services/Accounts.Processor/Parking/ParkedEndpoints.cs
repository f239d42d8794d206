using Accounts.Contracts;
using Accounts.Processor.Consumers;
using Accounts.Processor.Functions;
using Accounts.Processor.Operations;
using ServiceDefaults;

namespace Accounts.Processor.Parking;

internal static class ParkedEndpoints
{
    private const int MaxLimit = 500;
    private static readonly Problem Unknown = Problems.Of(404, ProblemTypes.UnknownParkedEvent, "No event is parked under this id");

    public static void MapParked(this WebApplication app)
    {
        var parked = app.MapForOperators("/v1/parked").WithTags("Parked events");

        parked.MapGet("", ListAsync)
            .WithName("listParked").WithSummary("The events that a function could not take")
            .Answers<ParkedListBody>(200, "A page, by function, generation and account number.", MediaTypes.Json)
            .Sends(200, "Link", "The next page (rel=\"next\"), when there is one.")
            .Refuses(404, "There is no function with this name.");

        parked.MapGet("/{id}", (string id, FunctionHost host, CancellationToken cancellation) =>
                Operator.AnswerAsync(
                    host.Operator,
                    async (at, stop) => await ParkedEvents.FindAsync(at, id, stop) is { } found ? TypedResults.Json(found, ProcessorJson.Default.ParkedBody) : Unknown.Result(),
                    cancellation))
            .WithName("getParked").WithSummary("One of them")
            .Answers<ParkedBody>(200, "The event, and how many wait behind it.", MediaTypes.Json)
            .Refuses(404, "No event is parked under this id, or no longer.");

        parked.MapPost("/{id}/replay", (string id, FunctionHost host, CancellationToken cancellation) =>
                Operator.AnswerAsync(host.Operator, (at, stop) => WishAsync(id, HeldWishes.Replay, at, stop), cancellation))
            .WithName("replayParked").WithSummary("Try the event again, and then those that wait behind it")
            .Answers<ParkedBody>(202, "It is tried within a second or so; when it fails again, it stays parked.", MediaTypes.Json)
            .Refuses(404, "No event is parked under this id, or no longer.");

        parked.MapPost("/{id}/discard", (string id, FunctionHost host, CancellationToken cancellation) =>
                Operator.AnswerAsync(host.Operator, (at, stop) => WishAsync(id, HeldWishes.Discard, at, stop), cancellation))
            .WithName("discardParked").WithSummary("Leave the event out, and go on with those that wait behind it")
            .Answers<ParkedBody>(202, "It is left out within a second or so.", MediaTypes.Json)
            .Refuses(404, "No event is parked under this id, or no longer.")
            .Refuses(409, "The function is a view: without the event its rows would be wrong.");
    }

    private static Task<IResult> ListAsync(
        string? function, string? limit, string? cursor, HttpContext context, FunctionHost host, CancellationToken cancellation)
    {
        if (function is not null && Operator.Find(function) is null)
        {
            return Task.FromResult(Problems.Of(404, ProblemTypes.UnknownFunction, "There is no function with this name").Result());
        }

        var wrong = new Dictionary<string, string[]>();
        var size = (int)(Wholes.Read(limit ?? "50", "limit", 1, MaxLimit, wrong) ?? 0);
        if (cursor is not null && !ParkedEvents.IsPlace(cursor))
        {
            wrong["cursor"] = ["must be taken from the Link of the page before, or be left out for the first page"];
        }

        if (wrong.Count > 0)
        {
            return Task.FromResult(Problems.Invalid(wrong).Result());
        }

        return Operator.AnswerAsync(host.Operator, PageAsync, cancellation);

        async Task<IResult> PageAsync(Operator at, CancellationToken stop)
        {
            var (items, next) = await ParkedEvents.ListAsync(at, function, cursor, size, stop);
            if (next is not null)
            {
                var filter = function is null ? "" : $"&function={function}";
                context.Response.Headers.Link = $"</v1/parked?limit={size}&cursor={Uri.EscapeDataString(next)}{filter}>; rel=\"next\"";
            }

            return TypedResults.Json(new ParkedListBody(items), ProcessorJson.Default.ParkedListBody);
        }
    }

    private static async Task<IResult> WishAsync(string id, string wish, Operator at, CancellationToken cancellation)
    {
        if (await ParkedEvents.FindAsync(at, id, cancellation) is not { } parked)
        {
            return Unknown.Result();
        }

        if (wish == HeldWishes.Discard && ParkedEvents.FunctionOf(id) is Function.View)
        {
            return (Problems.Of(409, ProblemTypes.FunctionConflict, "A view leaves no event out") with
            {
                Detail = "Its rows would be wrong from then on. Deploy a version that can take the event and replay it, or rebuild the view.",
            }).Result();
        }

        return await ParkedEvents.WishAsync(at, id, wish, cancellation)
            ? TypedResults.Json(parked with { Requested = wish }, ProcessorJson.Default.ParkedBody, statusCode: StatusCodes.Status202Accepted)
            : Unknown.Result();
    }
}
