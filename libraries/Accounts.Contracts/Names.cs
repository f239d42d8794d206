namespace Accounts.Contracts;

/// <summary>Dapr app ids.</summary>
public static class AppIds
{
    /// <summary>Takes commands.</summary>
    public const string Command = "accounts-command";

    /// <summary>Makes views, policies and messages of the log.</summary>
    public const string Processor = "accounts-processor";

    /// <summary>Answers questions from the views.</summary>
    public const string Query = "accounts-query";
}

/// <summary>Names of Dapr components.</summary>
public static class Components
{
    /// <summary>State store of the log of all commands and events.</summary>
    public const string EventLog = "event-log";

    /// <summary>State store of the views.</summary>
    public const string Views = "views";

    /// <summary>Pub/sub that carries wake-ups.</summary>
    public const string Wakeups = "wakeups";

    /// <summary>Pub/sub that carries events to and from other microservices.</summary>
    public const string Events = "events";
}

/// <summary>Topics of the pub/sub components.</summary>
public static class Topics
{
    /// <summary>On <see cref="Components.Wakeups"/>: how far a partition of the log is.</summary>
    public const string AccountLog = "account-log";

    /// <summary>On <see cref="Components.Events"/>: every event of every account.</summary>
    public const string AccountEvents = "account-events";

    /// <summary>On <see cref="Components.Events"/>: what happens to users.</summary>
    public const string UserEvents = "user-events";

    /// <summary>On <see cref="Components.Events"/>: messages of <see cref="UserEvents"/> that could not be taken.</summary>
    public const string UserEventsDead = "user-events-dead";
}

/// <summary>HTTP headers of our own, and those that the framework has no name for.</summary>
public static class AccountHeaders
{
    /// <summary>Answer: <c>partition:position</c> in the log at which the answer was true.</summary>
    public const string Position = "Account-Position";

    /// <summary>Request: the version that the answer must show at least.</summary>
    public const string MinVersion = "Min-Version";

    /// <summary>Request: places in the log, as in <see cref="Position"/>, that the answer must have come to.</summary>
    public const string MinPosition = "Min-Position";

    /// <summary>Request: the same command with the same key has one effect and one answer.</summary>
    public const string IdempotencyKey = "Idempotency-Key";

    /// <summary>Request and answer: names the whole of which the request is a part.</summary>
    public const string CorrelationId = "X-Correlation-Id";

    /// <summary>Request: id of the event or message that caused it.</summary>
    public const string CausationId = "X-Causation-Id";
}

/// <summary>Media types of the answers.</summary>
public static class MediaTypes
{
    /// <summary>JSON.</summary>
    public const string Json = "application/json";

    /// <summary>JSON with links.</summary>
    public const string Hal = "application/hal+json";

    /// <summary>A problem by RFC 9457.</summary>
    public const string Problem = "application/problem+json";
}
