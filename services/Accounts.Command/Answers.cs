using System.Globalization;
using Accounts.Contracts;
using Accounts.Domain;
using EventLog;
using ServiceDefaults;

namespace Accounts.Command;

/// <summary>What the outcomes of commands look like over HTTP.</summary>
/// <param name="publicAddress">Where accounts are read, without a slash at its end.</param>
/// <param name="metrics">Counts them.</param>
internal sealed class Answers(string publicAddress, CommandMetrics metrics)
{
    // Commands are sent to where the answer came from.
    private const string Here = "";

    public static Problem UnknownAccount { get; } = Problems.Of(404, ProblemTypes.UnknownAccount, "There is no account with this number");

    public static Problem UnknownCommand { get; } = Problems.Of(404, ProblemTypes.UnknownCommand, "There is no command with this name") with
    {
        Detail = $"The commands are {string.Join(", ", AccountCommand.Names)}.",
    };

    public IResult Of(HttpContext context, AccountCommand command, Outcome<Account> outcome)
    {
        metrics.Answered(command, outcome.Kind);
        NameVersion(context.Response, outcome);
        return ProblemOf(command, outcome) is { } problem ? problem.Result() : Accepted(context, command, outcome.State!, outcome.Version);
    }

    /// <summary>The problem that an outcome is; null when the command was accepted.</summary>
    public static Problem? ProblemOf(AccountCommand command, Outcome<Account> outcome) => outcome.Kind switch
    {
        OutcomeKind.Appended or OutcomeKind.AlreadySo => null,
        OutcomeKind.Refused => Refused(outcome),
        // RFC 9110, 13.2.1: a condition counts only where the request would else succeed.
        OutcomeKind.VersionMismatch when outcome.State is null && command is not AccountCommand.Create => UnknownAccount,
        OutcomeKind.VersionMismatch => Problems.Of(412, ProblemTypes.VersionMismatch, "The account is not at this version") with
        {
            Detail = string.Create(CultureInfo.InvariantCulture, $"It is at version {outcome.Version}."),
        },
        OutcomeKind.KeyReused => Problems.Of(422, ProblemTypes.KeyReused, "The idempotency key came before with another command"),
        OutcomeKind.Stopped => Stopped,
        _ => throw new InvalidOperationException($"{outcome.Kind} has no answer."),
    };

    public static IResult Offer(HttpContext context, Outcome<Account> outcome)
    {
        NameVersion(context.Response, outcome);
        return outcome switch
        {
            { Kind: OutcomeKind.Stopped } => (Stopped with { Outcome = null }).Result(),
            { State: null } => UnknownAccount.Result(),
            { State: var state } => new JsonAnswer<CommandsBody>(
                new CommandsBody(Addresses.CommandLinks(Here, state.AccountNumber, Domain.Decision.Legal(state))),
                ContractsJson.Default.CommandsBody,
                Negotiation.AnswerType(context.Request)),
        };
    }

    public IResult Unavailable(HttpContext context, AccountCommand command, LogUnavailableException away)
    {
        metrics.Unavailable(command, away.NotDone);
        if (!away.NotDone)
        {
            context.Response.Headers[AccountHeaders.IdempotencyKey] = CommandHeaders.Write(away.CommandId);
        }

        return (Problems.ByStatus(503) with { Outcome = away.NotDone ? ProblemOutcomes.NotDone : ProblemOutcomes.Unknown }).Result();
    }

    private static Problem Stopped => Problems.Of(503, ProblemTypes.AccountStopped, "The account waits for a newer version of the service") with { Outcome = ProblemOutcomes.NotDone };

    private JsonAnswer<AccountBody> Accepted(HttpContext context, AccountCommand command, Account state, long version)
    {
        var body = new AccountBody
        {
            CreatedAt = state.CreatedAt,
            LastModified = state.LastModified,
            UserId = state.UserId,
            AccountNumber = state.AccountNumber,
            DefaultAccount = state.DefaultAccount,
            Status = AccountStatusNames.Of(state.Status),
            Version = version,
            Links = Addresses.Links(publicAddress, Here, state.AccountNumber, Domain.Decision.Legal(state)),
        };
        var created = command is AccountCommand.Create;
        if (created)
        {
            context.Response.Headers.Location = Addresses.Account(publicAddress, state.AccountNumber);
        }

        return new JsonAnswer<AccountBody>(
            body,
            ContractsJson.Default.AccountBody,
            Negotiation.AnswerType(context.Request),
            created ? StatusCodes.Status201Created : StatusCodes.Status200OK);
    }

    private static Problem Refused(Outcome<Account> outcome) => (outcome.Refusal, outcome.State) switch
    {
        (Refusals.NotFound, _) => UnknownAccount,
        (Refusals.NumberTaken, _) => Problems.Of(409, ProblemTypes.NumberTaken, "There is an account with this number"),
        (Refusals.WrongStatus, { } state) => Problems.Of(409, ProblemTypes.WrongStatus, "The account's status forbids the command") with
        {
            CurrentStatus = AccountStatusNames.Of(state.Status),
            AllowedCommands = Domain.Decision.Legal(state),
        },
        _ => throw new InvalidOperationException($"{outcome.Refusal} has no answer."),
    };

    private static void NameVersion(HttpResponse response, Outcome<Account> outcome)
    {
        response.Headers.CacheControl = "no-store";
        response.Headers[AccountHeaders.Position] = outcome.Position.ToString();
        if (outcome.Version > 0)
        {
            response.Headers.ETag = string.Create(CultureInfo.InvariantCulture, $"\"{outcome.Version}\"");
        }
    }
}
