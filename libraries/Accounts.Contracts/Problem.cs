namespace Accounts.Contracts;

/// <summary>A problem by RFC 9457, with the members that ours may have.</summary>
public sealed record Problem
{
    /// <summary>What programs decide by: one of <see cref="ProblemTypes"/>, whose meaning never changes.</summary>
    public required string Type { get; init; }

    /// <summary>The same for every problem of the type.</summary>
    public required string Title { get; init; }

    /// <summary>The HTTP status.</summary>
    public required int Status { get; init; }

    /// <summary>What was wrong this time, for people.</summary>
    public string? Detail { get; init; }

    /// <summary>Finds the request in traces and logs.</summary>
    public string? TraceId { get; init; }

    /// <summary>Of a 400: what is wrong, by member or header; <c>$</c> is the body as a whole.</summary>
    public IReadOnlyDictionary<string, string[]>? Errors { get; init; }

    /// <summary>Of a 409 by status: the account's status.</summary>
    public string? CurrentStatus { get; init; }

    /// <summary>Of a 409 by status: the commands that are legal now.</summary>
    public IReadOnlyList<string>? AllowedCommands { get; init; }

    /// <summary>Of a 503 because the view is behind: the version that it has; 0 when it has none.</summary>
    public long? Version { get; init; }

    /// <summary>Of a 503 because the view is behind: how far it has come, as <c>partition:position</c>.</summary>
    public string? Position { get; init; }

    /// <summary>Of a 503 to a command: <c>not-done</c>, or <c>unknown</c>: the same Idempotency-Key then yields the answer.</summary>
    public string? Outcome { get; init; }
}

/// <summary>Types of problems. They are stable names, not addresses.</summary>
public static class ProblemTypes
{
    private const string Prefix = "urn:accounts:problem:";

    /// <summary>400: body, headers or query are not what they must be.</summary>
    public const string InvalidRequest = Prefix + "invalid-request";

    /// <summary>401: a route that only the sidecar may use.</summary>
    public const string Unauthorized = Prefix + "unauthorized";

    /// <summary>404: there is nothing at this address.</summary>
    public const string UnknownAddress = Prefix + "unknown-address";

    /// <summary>404: there is no account with this number.</summary>
    public const string UnknownAccount = Prefix + "unknown-account";

    /// <summary>404: the account never had this version, or was not there yet at this time.</summary>
    public const string UnknownState = Prefix + "unknown-state";

    /// <summary>404: there is no command with this name.</summary>
    public const string UnknownCommand = Prefix + "unknown-command";

    /// <summary>405.</summary>
    public const string MethodNotAllowed = Prefix + "method-not-allowed";

    /// <summary>406.</summary>
    public const string NotAcceptable = Prefix + "not-acceptable";

    /// <summary>409: there is an account with this number, perhaps an equal one.</summary>
    public const string NumberTaken = Prefix + "number-taken";

    /// <summary>409: the account's status forbids the command.</summary>
    public const string WrongStatus = Prefix + "wrong-status";

    /// <summary>412: the account is not at the version that <c>If-Match</c> asks for.</summary>
    public const string VersionMismatch = Prefix + "version-mismatch";

    /// <summary>413.</summary>
    public const string BodyTooLarge = Prefix + "body-too-large";

    /// <summary>415.</summary>
    public const string UnsupportedMediaType = Prefix + "unsupported-media-type";

    /// <summary>422: the idempotency key came before with another command.</summary>
    public const string KeyReused = Prefix + "idempotency-key-reused";

    /// <summary>500: a fault of the service.</summary>
    public const string Fault = Prefix + "fault";

    /// <summary>503: something that the service needs is away.</summary>
    public const string Unavailable = Prefix + "unavailable";

    /// <summary>503: the view is behind what the client asks for, and the client would not wait longer.</summary>
    public const string NotYet = Prefix + "not-yet";

    /// <summary>404: there is no function with this name.</summary>
    public const string UnknownFunction = Prefix + "unknown-function";

    /// <summary>404: no event is parked under this id, or no longer.</summary>
    public const string UnknownParkedEvent = Prefix + "unknown-parked-event";

    /// <summary>404: no dead letter is kept under this id, or no longer.</summary>
    public const string UnknownDeadLetter = Prefix + "unknown-dead-letter";

    /// <summary>409: what is asked does not fit the kind of the function, or what it does now.</summary>
    public const string FunctionConflict = Prefix + "function-conflict";

    /// <summary>503: the view could not take an event of the account, so what it shows would be out of date.</summary>
    public const string AccountHeld = Prefix + "account-held";

    /// <summary>503: the account has an event of a newer version of the service.</summary>
    public const string AccountStopped = Prefix + "account-stopped";
}

/// <summary>Values of <see cref="Problem.Outcome"/>.</summary>
public static class ProblemOutcomes
{
    /// <summary>The command took no effect and will take none.</summary>
    public const string NotDone = "not-done";

    /// <summary>The command may have taken effect, or may yet.</summary>
    public const string Unknown = "unknown";
}
