using Grpc.Core;
using Sidecar.Server;

namespace Sidecar.PubSub;

/// <summary>Dapr's errors of the publish APIs.</summary>
internal static class PublishErrors
{
    public static DaprError NotConfigured(string pubSub, IReadOnlyDictionary<string, string> metadata) =>
        new("ERR_PUBSUB_NOT_CONFIGURED", $"pubsub {pubSub} is not configured", 400, StatusCode.FailedPrecondition,
            new ErrorDetails("DAPR_PUBSUB_NOT_CONFIGURED", metadata));

    public static DaprError NameEmpty(IReadOnlyDictionary<string, string> metadata) =>
        Full("ERR_PUBSUB_EMPTY", "pubsub name is empty", 404, StatusCode.InvalidArgument, "DAPR_PUBSUB_NAME_EMPTY", "", metadata);

    public static DaprError NotFound(string pubSub, IReadOnlyDictionary<string, string> metadata) =>
        new("ERR_PUBSUB_NOT_FOUND", $"pubsub {pubSub} is not found", 404, StatusCode.InvalidArgument,
            new ErrorDetails("DAPR_PUBSUB_NOT_FOUND", metadata));

    public static DaprError TopicEmpty(string pubSub, IReadOnlyDictionary<string, string> metadata) =>
        Full("ERR_TOPIC_NAME_EMPTY", $"topic is empty in pubsub {pubSub}", 404, StatusCode.InvalidArgument,
            "DAPR_PUBSUB_TOPIC_NAME_EMPTY", pubSub, metadata);

    public static DaprError Metadata(string pubSub, string why, IReadOnlyDictionary<string, string> metadata) =>
        Full("ERR_PUBSUB_REQUEST_METADATA", $"failed deserializing metadata. Error: {why}", 400, StatusCode.InvalidArgument,
            "DAPR_PUBSUB_METADATA_DESERIALIZATION", pubSub, metadata);

    public static DaprError CloudEvent(PubSubComponent component, string why) =>
        Full("ERR_PUBSUB_CLOUD_EVENTS_SER", "cannot create cloudevent", 500, StatusCode.InvalidArgument,
            "DAPR_PUBSUB_CLOUD_EVENT_CREATION", component.Name, App(component, why));

    public static DaprError Forbidden(PubSubComponent component, string topic) =>
        Full("ERR_PUBSUB_FORBIDDEN", $"topic {topic} is not allowed for app id {component.AppId}", 403, StatusCode.PermissionDenied,
            "DAPR_PUBSUB_FORBIDDEN", component.Name, Topic(topic, $"topic {topic} is not allowed for app id {component.AppId}"));

    public static DaprError Failed(PubSubComponent component, string topic, string why) =>
        Full("ERR_PUBSUB_PUBLISH_MESSAGE", $"error when publishing to topic {topic} in pubsub {component.Name}: {why}", 500,
            StatusCode.Internal, "DAPR_PUBSUB_PUBLISH_MESSAGE", component.Name, Topic(topic, why));

    public static DaprError Unreadable(PubSubComponent component, string topic, string why) =>
        Full("ERR_PUBSUB_EVENTS_SER", $"error when unmarshaling the request for topic {topic} pubsub {component.Name}: {why}", 400,
            StatusCode.InvalidArgument, "DAPR_PUBSUB_UNMARSHAL_EVENTS", component.Name, App(component, null));

    public static DaprError EntryIds(PubSubComponent component, string topic)
    {
        const string Why = "entryId is duplicated or not present for entry";
        return Full("ERR_PUBSUB_EVENTS_SER", $"error marshaling events to bytes for topic {topic} pubsub {component.Name}. error: {Why}",
            400, StatusCode.InvalidArgument, "DAPR_PUBSUB_MARSHAL_EVENTS", component.Name, App(component, Why));
    }

    public static DaprError Entry(PubSubComponent component, string topic, string why) =>
        Full("ERR_PUBSUB_EVENTS_SER", $"error when marshalling cloud event envelope for topic {topic} pubsub {component.Name}: {why}",
            400, StatusCode.InvalidArgument, "DAPR_PUBSUB_MARSHAL_ENVELOPE", component.Name, App(component, why));

    private static DaprError Full(
        string code, string message, int http, StatusCode grpc, string reason, string pubSub, IReadOnlyDictionary<string, string> metadata) =>
        new(code, message, http, grpc, new ErrorDetails(reason, metadata, (pubSub, "pubsub", message)));

    private static Dictionary<string, string> Topic(string topic, string why) => new() { ["topic"] = topic, ["error"] = why };

    private static Dictionary<string, string> App(PubSubComponent component, string? why)
    {
        var app = new Dictionary<string, string> { ["appID"] = component.AppId };
        if (why is not null)
        {
            app["error"] = why;
        }

        return app;
    }
}
