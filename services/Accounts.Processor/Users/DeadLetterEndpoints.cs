using Accounts.Contracts;
using Accounts.Processor.Consumers;
using Accounts.Processor.Functions;
using Accounts.Processor.Operations;
using Microsoft.AspNetCore.Http.HttpResults;
using ServiceDefaults;

namespace Accounts.Processor.Users;

/// <summary>What operators see of messages that could not be taken, and what they can order.</summary>
internal static class DeadLetterEndpoints
{
    private const int MaxLimit = 500;
    private static readonly Problem Unknown = Problems.Of(404, ProblemTypes.UnknownDeadLetter, "No dead letter is kept under this id");

    public static void MapDeadLetters(this WebApplication app)
    {
        var letters = app.MapForOperators("/v1/dead-letters").WithTags("Dead letters");

        letters.MapGet("", ListAsync)
            .WithName("listDeadLetters").WithSummary("The messages of other services that could not be taken")
            .Answers<DeadLetterListBody>(200, "A page, by id.", MediaTypes.Json)
            .Sends(200, "Link", "The next page (rel=\"next\"), when there is one.");

        letters.MapGet("/{id}", (string id, FunctionHost host, CancellationToken cancellation) =>
                AnswerAsync(host, async (at, kept, stop) => await kept.FindAsync(id, stop) is { } row ? (IResult)Json(row) : Unknown.Result(), cancellation))
            .WithName("getDeadLetter").WithSummary("One of them, with the message")
            .Answers<DeadLetterBody>(200, "The message, and why it could not be taken.", MediaTypes.Json)
            .Refuses(404, "No dead letter is kept under this id, or no longer.");

        letters.MapPost("/{id}/replay", (string id, FunctionHost host, CancellationToken cancellation) =>
                AnswerAsync(host, (at, kept, stop) => ReplayAsync(id, at, kept, stop), cancellation))
            .WithName("replayDeadLetter").WithSummary("Take the message again")
            .Answers<DeadLetterBody>(202, "It is taken within a second or so; when that fails again, it stays here.", MediaTypes.Json)
            .Refuses(404, "No dead letter is kept under this id, or no longer.")
            .Refuses(409, "The message was too large to be kept: its sender has to publish it again.");

        letters.MapPost("/{id}/discard", (string id, FunctionHost host, CancellationToken cancellation) =>
                AnswerAsync(host, (at, kept, stop) => DiscardAsync(id, at, kept, stop), cancellation))
            .WithName("discardDeadLetter").WithSummary("Forget the message")
            .Answers<DeadLetterBody>(200, "It is kept no longer; this is the last that is seen of it.", MediaTypes.Json)
            .Refuses(404, "No dead letter is kept under this id, or no longer.");
    }

    private static Task<IResult> ListAsync(string? limit, string? cursor, HttpContext context, FunctionHost host, CancellationToken cancellation)
    {
        var wrong = new Dictionary<string, string[]>();
        var size = (int)(Wholes.Read(limit ?? "50", "limit", 1, MaxLimit, wrong) ?? 0);
        if (cursor is not null && !DeadLetters.IsId(cursor))
        {
            wrong["cursor"] = ["must be taken from the Link of the page before, or be left out for the first page"];
        }

        if (wrong.Count > 0)
        {
            return Task.FromResult(Problems.Invalid(wrong).Result());
        }

        return AnswerAsync(host, PageAsync, cancellation);

        async Task<IResult> PageAsync(Operator at, DeadLetters kept, CancellationToken stop)
        {
            var rows = await kept.ListAsync(cursor, size + 1, stop);
            if (rows.Count > size)
            {
                context.Response.Headers.Link = $"</v1/dead-letters?limit={size}&cursor={rows[size - 1].Id}>; rel=\"next\"";
            }

            var items = rows.Take(size).Select(row => DeadLetterBody.Of(row, withMessage: false));
            return TypedResults.Json(new DeadLetterListBody([.. items]), ProcessorJson.Default.DeadLetterListBody);
        }
    }

    private static async Task<IResult> ReplayAsync(string id, Operator at, DeadLetters kept, CancellationToken cancellation)
    {
        if (await kept.FindAsync(id, cancellation) is { Whole: false })
        {
            return Problems.Of(409, ProblemTypes.FunctionConflict, "The message was too large to be kept: publish it again").Result();
        }

        if (await kept.ChangeAsync(id, row => row with { Replay = true }, cancellation) is not { } row)
        {
            return Unknown.Result();
        }

        await at.Controls.ChangeAsync(UserDeletion.Function.Name, controls => controls with { Attention = controls.Attention + 1 }, cancellation);
        return Json(row, StatusCodes.Status202Accepted);
    }

    private static async Task<IResult> DiscardAsync(string id, Operator at, DeadLetters kept, CancellationToken cancellation)
    {
        DeadLetterRow? last = null;
        await kept.ChangeAsync(id, row => DeadLetters.Released(last = row), cancellation);
        return last is null ? Unknown.Result() : Json(last);
    }

    private static Task<IResult> AnswerAsync(
        FunctionHost host, Func<Operator, DeadLetters, CancellationToken, Task<IResult>> answer, CancellationToken cancellation) =>
        Operator.AnswerAsync(host.Operator, (at, stop) => answer(at, new DeadLetters(at.Log.Id, at.Views), stop), cancellation);

    private static JsonHttpResult<DeadLetterBody> Json(DeadLetterRow row, int status = StatusCodes.Status200OK) =>
        TypedResults.Json(DeadLetterBody.Of(row, withMessage: true), ProcessorJson.Default.DeadLetterBody, statusCode: status);
}
