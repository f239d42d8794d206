using Grpc.Core;
using Sidecar.Server;

namespace Sidecar.Actors;

/// <summary>Dapr's errors of the actor APIs.</summary>
internal static class ActorErrors
{
    public static readonly DaprError InstanceMissing =
        new("ERR_ACTOR_INSTANCE_MISSING", "actor instance is missing", 400, StatusCode.Internal);

    public static readonly DaprError NotHosted =
        new("ERR_ACTOR_REMINDER_NON_HOSTED", "operations on actor reminders are only possible on hosted actor types", 403, StatusCode.PermissionDenied);

    public static readonly DaprError NoStateStore = new(
        "ERR_ACTOR_RUNTIME_NOT_FOUND",
        "the state store is not configured to use the actor runtime. Have you set the - name: actorStateStore value: \"true\" in your state store component file?",
        500, StatusCode.Internal);

    public static DaprError Invoke(string why) =>
        new("ERR_ACTOR_INVOKE_METHOD", $"error invoke actor method: {why}", 500, StatusCode.Internal);

    public static DaprError TooDeep =>
        new("ERR_ACTOR_STACK_DEPTH", "maximum stack depth exceeded", 500, StatusCode.ResourceExhausted);

    public static DaprError BadRequest(string why) => new("ERR_BAD_REQUEST", $"invalid request: {why}", 400, StatusCode.InvalidArgument);

    public static DaprError Malformed(string why) =>
        new("ERR_MALFORMED_REQUEST", $"failed deserializing HTTP body: {why}", 400, StatusCode.InvalidArgument);

    public static DaprError Reserved(string type) => new(
        "ERR_ACTOR_TYPE_RESERVED",
        $"actor type \"{type}\" is reserved for the Dapr workflow runtime; direct actor API access is not permitted",
        403, StatusCode.PermissionDenied);

    public static DaprError StateGet(string why) => new("ERR_ACTOR_STATE_GET", $"error getting actor state: {why}", 500, StatusCode.Internal);

    public static DaprError StateSave(string why) =>
        new("ERR_ACTOR_STATE_TRANSACTION_SAVE", $"error saving actor transaction state: {why}", 500, StatusCode.Internal);

    public static DaprError Timer(string why) => new("ERR_ACTOR_TIMER_CREATE", $"error creating actor timer: {why}", 500, StatusCode.Internal);

    public static DaprError Reminder(string why) =>
        new("ERR_ACTOR_REMINDER_CREATE", $"error creating actor reminder: {why}", 500, StatusCode.Internal);

    public static DaprError ReminderExists(string name) =>
        new("ERR_ACTOR_REMINDER_ALREADY_EXISTS", $"actor reminder already exists: {name}", 409, StatusCode.AlreadyExists);

    public static DaprError ReminderNotFound(string name) =>
        new("ERR_ACTOR_REMINDER_NOT_FOUND", $"actor reminder not found: {name}", 404, StatusCode.NotFound);
}

/// <summary>Which names Dapr lets into the paths of actors.</summary>
internal static class ActorNames
{
    /// <summary>Null, or why the name is refused.</summary>
    public static string? Refusal(string name)
    {
        if (name.AsSpan().ContainsAny("#?\0/\\"))
        {
            return $"name contains forbidden character: \"{name}\"";
        }

        for (var i = 0; i < name.Length; i++)
        {
            if (name[i] is < ' ' or '\x7f')
            {
                return $"name contains control character at position {i}: \"{name}\"";
            }
        }

        return name is "." or ".." ? $"name is a path traversal sequence: \"{name}\"" : null;
    }

    /// <summary>The method as a clean path; null when it holds a character that paths must not have.</summary>
    public static string? CleanMethod(string method)
    {
        if (method.Any(c => c is '#' or '?' or < ' ' or '\x7f'))
        {
            return null;
        }

        return method.Contains('/') || method is "." or ".." ? UrlPath.Clean(method) : method;
    }

    /// <summary>Types that belong to Dapr itself.</summary>
    public static bool IsReserved(string type) => type.StartsWith("dapr.internal.", StringComparison.Ordinal);
}
