using Microsoft.Extensions.Primitives;
using Sidecar.Configuration;

namespace Sidecar.Actors;

/// <summary>A call on its way to an actor.</summary>
/// <param name="Path">What follows <c>/method/</c> in the app's path: a method, <c>timer/NAME</c> or <c>remind/NAME</c>.</param>
/// <param name="Caller">App id of the caller; null for timers and reminders, which bring no headers of a caller.</param>
internal sealed record ActorCall(
    string Type,
    string Id,
    string Path,
    ReadOnlyMemory<byte> Body,
    string? ContentType,
    string? Caller,
    IReadOnlyList<KeyValuePair<string, StringValues>> Headers)
{
    /// <summary>The call's place in a chain of calls, when the caller sent one.</summary>
    public string? ReentrancyId { get; init; }
}

/// <summary>What the app answered with status 200.</summary>
internal sealed record ActorReply(IReadOnlyList<KeyValuePair<string, StringValues>> Headers, string? ContentType, byte[] Body)
{
    /// <summary>The app wants a timer or reminder to end.</summary>
    public bool CancelsReminder =>
        Truth.IsTruthy(Headers.FirstOrDefault(h => h.Key.Equals("X-DaprReminderCancel", StringComparison.OrdinalIgnoreCase)).Value.ToString());
}

/// <summary>Why a call brought no reply.</summary>
internal enum ActorFailure
{
    None,

    /// <summary>Nobody hosts the type.</summary>
    NoHost,

    /// <summary>The actor moved or was deactivated before the call was through.</summary>
    Moved,

    /// <summary>The app could not be reached.</summary>
    Unreachable,

    /// <summary>The app answered, but not with 200, or took longer than the time-out of a policy.</summary>
    Refused,

    /// <summary>Calls came back to the actor more often than its type allows.</summary>
    TooDeep,
}

/// <summary>The result of one attempt: a reply, or what went wrong in Dapr's words.</summary>
internal readonly record struct ActorResult(ActorReply? Reply, ActorFailure Failure, string Message)
{
    /// <summary>Who was called, if anybody.</summary>
    public HostedType? Host { get; init; }

    public static ActorResult Of(ActorReply reply) => new(reply, ActorFailure.None, "");

    public static ActorResult Failed(ActorFailure failure, string message) => new(null, failure, message);
}
