using System.Text;
using System.Text.Json;
using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Sidecar.Configuration;
using Sidecar.Server;

namespace Sidecar.PubSub;

/// <summary>Publishing, one event or many, over HTTP and gRPC.</summary>
internal static class PublishApi
{
    public static void Map(IEndpointRouteBuilder routes, AppSidecar sidecar)
    {
        string[] verbs = ["POST", "PUT"];
        routes.MapMethods("/v1.0/publish/{pubsub}/{**topic:minlength(1)}", verbs, http => PublishAsync(http, sidecar));
        foreach (var version in (string[])["v1.0", "v1.0-alpha1"])
        {
            routes.MapMethods($"/{version}/publish/bulk/{{pubsub}}/{{**topic:minlength(1)}}", verbs, http => PublishBulkAsync(http, sidecar));
        }
    }

    public static void Map(GrpcMethods methods, AppSidecar sidecar)
    {
        methods.Unary<PublishEventRequest, Empty>("PublishEvent", (request, call) => PublishAsync(request, call, sidecar));
        foreach (var name in (string[])["BulkPublishEvent", "BulkPublishEventAlpha1"])
        {
            methods.Unary<BulkPublishRequest, BulkPublishResponse>(name, (request, call) => PublishBulkAsync(request, call, sidecar));
        }
    }

    private static async Task PublishAsync(HttpContext http, AppSidecar sidecar)
    {
        var metadata = http.MetadataFromQuery();
        var topic = http.Param("topic");
        var (component, raw) = Validate(sidecar, http.Param("pubsub"), topic, metadata);
        var message = Make(component, topic, http.Request.ContentType, await http.BodyAsync(), metadata, raw, Trace(http));
        await SendAsync(component, topic, message, http.RequestAborted);
        await http.AnswerNothingAsync();
    }

    private static async Task PublishBulkAsync(HttpContext http, AppSidecar sidecar)
    {
        var metadata = http.MetadataFromQuery();
        var topic = http.Param("topic");
        var (component, raw) = Validate(sidecar, http.Param("pubsub"), topic, metadata);
        var entries = BulkEntry.Read(await http.BodyAsync(), component, topic);
        var messages = Array.ConvertAll(entries, e => Make(
            component, topic, e.ContentType, e.Event, Merge(metadata, e.Metadata), raw, Trace(http)));
        await SendAllAsync(component, topic, messages, http.RequestAborted);
        await http.AnswerNothingAsync();
    }

    private static async Task<Empty> PublishAsync(PublishEventRequest request, ServerCallContext call, AppSidecar sidecar)
    {
        var (component, raw) = Validate(sidecar, request.PubsubName, request.Topic, request.Metadata.AsReadOnly());
        var trace = TraceContext.Of(call.GetHttpContext());
        IReadOnlyDictionary<string, string> metadata = request.Metadata.Count == 0 ? Message.NoMetadata : request.Metadata.AsReadOnly();
        if (raw)
        {
            // Without an envelope the trace travels beside the bytes; only this API does so.
            metadata = new Dictionary<string, string>(metadata) { ["traceid"] = trace.Parent, ["tracestate"] = trace.State };
        }

        var message = Make(component, request.Topic, request.DataContentType, request.Data.Memory, metadata, raw, trace);
        await SendAsync(component, request.Topic, message, call.CancellationToken);
        return new Empty();
    }

    private static async Task<BulkPublishResponse> PublishBulkAsync(BulkPublishRequest request, ServerCallContext call, AppSidecar sidecar)
    {
        var (component, raw) = Validate(sidecar, request.PubsubName, request.Topic, request.Metadata.AsReadOnly());
        var ids = new HashSet<string>(StringComparer.Ordinal);
        if (request.Entries.Any(e => e.EntryId.Length == 0 || !ids.Add(e.EntryId)))
        {
            throw PublishErrors.EntryIds(component, request.Topic).Fault();
        }

        var trace = TraceContext.Of(call.GetHttpContext());
        Message[] messages =
        [
            .. request.Entries.Select(e => Make(
                component, request.Topic, e.ContentType, e.Event.Memory, Merge(request.Metadata.AsReadOnly(), e.Metadata.AsReadOnly()), raw,
                TraceContext.From(trace.Parent, trace.State))),
        ];
        await SendAllAsync(component, request.Topic, messages, call.CancellationToken);
        return new BulkPublishResponse();
    }

    private static (PubSubComponent Component, bool Raw) Validate(
        AppSidecar sidecar, string pubSub, string topic, IReadOnlyDictionary<string, string> metadata)
    {
        var components = sidecar.PubSub.Components;
        if (components.Count == 0)
        {
            throw PublishErrors.NotConfigured(pubSub, metadata).Fault();
        }

        if (pubSub.Length == 0)
        {
            throw PublishErrors.NameEmpty(metadata).Fault();
        }

        if (!components.TryGetValue(pubSub, out var component))
        {
            throw PublishErrors.NotFound(pubSub, metadata).Fault();
        }

        if (topic.Length == 0)
        {
            throw PublishErrors.TopicEmpty(pubSub, metadata).Fault();
        }

        return metadata.GetValueOrDefault("rawPayload") switch
        {
            null or "" => (component, false),
            var given when Truth.Parse(given) is { } raw => (component, raw),
            var other => throw PublishErrors.Metadata(
                pubSub, $"rawPayload value must be a valid boolean: actual is '{other}'", metadata).Fault(),
        };
    }

    private static Message Make(
        PubSubComponent component, string topic, string? contentType, ReadOnlyMemory<byte> data,
        IReadOnlyDictionary<string, string> metadata, bool raw, TraceContext trace)
    {
        if (raw)
        {
            return new Message(data, metadata);
        }

        try
        {
            return new Message(
                Envelope.Create(
                    new Publication(component.Name, topic, component.AppId, contentType, data, metadata, trace.Parent, trace.State),
                    component.Time),
                metadata);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw PublishErrors.CloudEvent(component, e.Message).Fault();
        }
    }

    private static async Task SendAsync(PubSubComponent component, string topic, Message message, CancellationToken cancellation)
    {
        if (!component.MayPublish(topic))
        {
            throw PublishErrors.Forbidden(component, topic).Fault();
        }

        try
        {
            await component.PublishAsync(topic, message, cancellation);
        }
        catch (PublishException e)
        {
            throw PublishErrors.Failed(component, topic, e.Message).Fault();
        }
    }

    private static async Task SendAllAsync(PubSubComponent component, string topic, Message[] messages, CancellationToken cancellation)
    {
        if (!component.MayPublish(topic))
        {
            throw PublishErrors.Forbidden(component, topic).Fault();
        }

        try
        {
            await component.PublishAllAsync(topic, messages, cancellation);
        }
        catch (PublishException e)
        {
            throw PublishErrors.Failed(component, topic, e.Message).Fault();
        }
    }

    // The HTTP API starts no trace of its own for an event.
    private static TraceContext Trace(HttpContext http) =>
        http.Request.Headers.ContainsKey("traceparent") ? TraceContext.Of(http) : new TraceContext("", "");

    // The metadata of the whole request reaches only entries that bring some of their own, as in Dapr.
    private static IReadOnlyDictionary<string, string> Merge(
        IReadOnlyDictionary<string, string> ofAll, IReadOnlyDictionary<string, string> own)
    {
        if (own.Count == 0)
        {
            return Message.NoMetadata;
        }

        var merged = new Dictionary<string, string>(ofAll);
        foreach (var (name, value) in own)
        {
            merged[name] = value;
        }

        return merged;
    }

    /// <summary>An entry of a bulk publish over HTTP.</summary>
    private sealed record BulkEntry(byte[] Event, string ContentType, IReadOnlyDictionary<string, string> Metadata)
    {
        public static BulkEntry[] Read(byte[] body, PubSubComponent component, string topic)
        {
            try
            {
                var ids = new HashSet<string>(StringComparer.Ordinal);
                return
                [
                    .. GoJson.Read(body, JsonValueKind.Array, "[]http.bulkPublishMessageEntry").EnumerateArray()
                        .Select(e => Read(e, ids, component, topic)),
                ];
            }
            catch (FormatException e)
            {
                throw PublishErrors.Unreadable(component, topic, e.Message).Fault();
            }
        }

        private static BulkEntry Read(JsonElement entry, HashSet<string> ids, PubSubComponent component, string topic)
        {
            var contentType = entry.Text("contentType", "bulkPublishMessageEntry.contentType") ?? "";
            var data = Bytes(entry.Member("event") ?? default, contentType)
                ?? throw PublishErrors.Entry(component, topic, "error: mismatch between contentType and event").Fault();
            return entry.Text("entryId", "bulkPublishMessageEntry.entryId") is { Length: > 0 } id && ids.Add(id)
                ? new BulkEntry(data, contentType, entry.Texts("metadata", "bulkPublishMessageEntry.metadata"))
                : throw PublishErrors.EntryIds(component, topic).Fault();
        }

        private static byte[]? Bytes(JsonElement value, string contentType)
        {
            var text = value.ValueKind == JsonValueKind.String ? value.GetString() : null;
            if (Envelope.IsBinary(contentType))
            {
                return text is not null && value.TryGetBytesFromBase64(out var bytes) ? bytes : null;
            }

            if (contentType.StartsWith("text/", StringComparison.OrdinalIgnoreCase) || Envelope.IsType(contentType, "application/xml"))
            {
                return text is null ? null : Encoding.UTF8.GetBytes(text);
            }

            return Envelope.IsType(contentType, "application/json") || Envelope.IsType(contentType, "application/cloudevents+json")
                ? Encoding.UTF8.GetBytes(value.ValueKind == JsonValueKind.Undefined ? "null" : value.GetRawText())
                : null;
        }
    }
}
