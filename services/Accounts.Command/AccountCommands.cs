using System.ComponentModel;
using Accounts.Contracts;
using Accounts.Domain;
using EventLog;
using Microsoft.AspNetCore.Mvc;
using ServiceDefaults;
using AccountCommandLog = EventLog.CommandLog<Accounts.Domain.Account, Accounts.Domain.AccountCommand, Accounts.Domain.AccountEvent>;

namespace Accounts.Command;

internal static class AccountCommands
{
    public static void MapAccountCommands(this WebApplication app)
    {
        var answers = new Answers((app.Configuration["PublicAddress"] ?? "").TrimEnd('/'), app.Services.GetRequiredService<CommandMetrics>());
        var accounts = app.MapPublic("/v1/accounts").WithTags("Accounts");

        accounts.MapPost("", (HttpContext context, [FromServices] AccountCommandLog log) => CreateAsync(context, log, answers))
            .Accepts<CreateAccountBody>(MediaTypes.Json)
            .WithName("createAccount").WithSummary("Open an account")
            .IsCommand(StatusCodes.Status201Created, "The account is open, and durable.")
            .Sends(StatusCodes.Status201Created, "Location", "Where the account can be read.")
            .Refuses(409, "There is an account with this number, perhaps an equal one.");

        accounts.MapPost("/{accountNumber}/commands/{name}", (string accountNumber, [Description("confirm, activate, suspend, archive, make-default or clear-default")] string name, HttpContext context, [FromServices] AccountCommandLog log) =>
                ChangeAsync(accountNumber, name, context, log, answers))
            .Accepts<CommandBody>(isOptional: true, MediaTypes.Json)
            .WithName("sendCommand").WithSummary("Confirm, activate, suspend or archive an account, or say whether it is the user's default")
            .IsCommand(StatusCodes.Status200OK, "The account after the command; unchanged when its effect was already there, or when what it rests on is gone.")
            .Refuses(404, "There is no account with this number, or no command with this name.")
            .Refuses(409, "The account's status forbids the command; the problem has the status and the commands that are legal.");

        accounts.MapGet("/{accountNumber}/commands", (string accountNumber, HttpContext context, [FromServices] AccountCommandLog log) =>
                OfferAsync(accountNumber, context, log))
            .WithName("listCommands").WithSummary("The commands that are legal now")
            .Answers<CommandsBody>(200, "The commands, as links to send them to.")
            .NamesVersion(200)
            .Refuses(404, "There is no account with this number.");
    }

    private static async Task<IResult> CreateAsync(HttpContext context, AccountCommandLog log, Answers answers)
    {
        var (body, problem) = await RequestBody.ReadAsync(context.Request, CancellationToken.None);
        if (problem is not null)
        {
            return problem.Result();
        }

        var wrong = new Dictionary<string, string[]>();
        var headers = CommandHeaders.Read(context, wrong);
        var create = CommandBodies.ReadCreate(body, wrong);
        return wrong.Count > 0
            ? Problems.Invalid(wrong).Result()
            : await SubmitAsync(headers.Submission(create!.AccountNumber, create), context, log, answers);
    }

    private static async Task<IResult> ChangeAsync(string accountNumber, string name, HttpContext context, AccountCommandLog log, Answers answers)
    {
        if (!AccountCommand.Names.Contains(name))
        {
            return Answers.UnknownCommand.Result();
        }

        if (!AccountNumbers.IsValid(accountNumber))
        {
            return Answers.UnknownAccount.Result();
        }

        var (body, problem) = await RequestBody.ReadAsync(context.Request, CancellationToken.None);
        if (problem is not null)
        {
            return problem.Result();
        }

        var wrong = new Dictionary<string, string[]>();
        var headers = CommandHeaders.Read(context, wrong);
        var command = CommandBodies.ReadChange(name, body, wrong);
        return wrong.Count > 0
            ? Problems.Invalid(wrong).Result()
            : await SubmitAsync(headers.Submission(accountNumber, command!), context, log, answers);
    }

    private static async Task<IResult> OfferAsync(string accountNumber, HttpContext context, AccountCommandLog log)
    {
        if (!AccountNumbers.IsValid(accountNumber))
        {
            return Answers.UnknownAccount.Result();
        }

        try
        {
            return Answers.Offer(context, await log.ReadAsync(accountNumber, context.RequestAborted));
        }
        catch (LogUnavailableException)
        {
            return Problems.ByStatus(StatusCodes.Status503ServiceUnavailable).Result();
        }
    }

    private static async Task<IResult> SubmitAsync(Submission<AccountCommand> submission, HttpContext context, AccountCommandLog log, Answers answers)
    {
        try
        {
            // Should the client leave: the command is under way all the same, and the answer comes within seconds.
            return answers.Of(context, submission.Command, await log.SubmitAsync(submission, CancellationToken.None));
        }
        catch (LogUnavailableException away)
        {
            return answers.Unavailable(context, submission.Command, away);
        }
    }

    private static RouteHandlerBuilder IsCommand(this RouteHandlerBuilder endpoint, int success, string meaning) => endpoint
        .Reads(AccountHeaders.IdempotencyKey, "1 to 255 characters, bare or quoted. The same command with the same key on the same account has one effect and one answer.")
        .Reads("If-Match", "One strong ETag, or *: the version that the account must be at.")
        .Reads(AccountHeaders.CorrelationId, "Names the whole of which the command is a part; made if absent, and stored with the event.")
        .Reads(AccountHeaders.CausationId, "Id of the event or message that caused the command; stored with the event.")
        .Answers<AccountBody>(success, meaning)
        .NamesVersion(success)
        .Refuses(412, "The account is not at the version that If-Match asks for.")
        .Refuses(413, "The body is over 64 KiB.")
        .Refuses(415, "The body is not application/json.")
        .Refuses(422, "The idempotency key came before with another command.")
        .Refuses(503, "Something that the service needs is away. The problem's outcome says not-done, or unknown: then the same Idempotency-Key, which the answer repeats, yields the answer.")
        .Sends(503, AccountHeaders.IdempotencyKey, "The key with which to ask again.")
        .Sends(503, "Retry-After", "Seconds after which to ask again.");

    private static RouteHandlerBuilder NamesVersion(this RouteHandlerBuilder endpoint, int status) => endpoint
        .Sends(status, "ETag", "The account's version.")
        .Sends(status, AccountHeaders.Position, "partition:position in the log at which the answer was true.");
}
