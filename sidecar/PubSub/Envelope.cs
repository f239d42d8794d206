using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Sidecar.Server;

namespace Sidecar.PubSub;

/// <summary>What an app asks to be published, before it becomes a message.</summary>
internal readonly record struct Publication(
    string PubSubName,
    string Topic,
    string AppId,
    string? ContentType,
    ReadOnlyMemory<byte> Data,
    IReadOnlyDictionary<string, string> Metadata,
    string TraceParent,
    string TraceState);

/// <summary>The CloudEvent that Dapr makes of a publication. Members are in alphabetical order at every level.</summary>
internal static class Envelope
{
    private const string DefaultType = "com.dapr.event.sent";

    private static readonly JsonWriterOptions Writing = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
        MaxDepth = 1000,
    };

    private static readonly JsonDocumentOptions Parsing = new() { MaxDepth = 900 };

    /// <summary>Wraps data, or completes an event that the app made itself (content type <c>application/cloudevents+json</c>).</summary>
    /// <exception cref="JsonException">The app's own event is no JSON object.</exception>
    public static byte[] Create(in Publication publication, TimeProvider time)
    {
        var expiration = TimeToLive(publication.Metadata) is { } ttl ? Rfc3339(time.GetUtcNow() + ttl) : null;
        var buffer = new ArrayBufferWriter<byte>(publication.Data.Length + 512);
        using (var writer = new Utf8JsonWriter(buffer, Writing))
        {
            if (IsType(publication.ContentType, "application/cloudevents+json"))
            {
                Complete(writer, publication, time, expiration);
            }
            else
            {
                Wrap(writer, publication, time, expiration);
            }
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>What a subscription with <c>rawPayload</c> gets: the broker's bytes in an event with a random id.</summary>
    public static byte[] OfRaw(Message message, string pubSubName, string topic)
    {
        var traceParent = message.Metadata.GetValueOrDefault("traceparent");
        var traceId = traceParent ?? message.Metadata.GetValueOrDefault("traceid");
        var buffer = new ArrayBufferWriter<byte>(message.Data.Length * 2 + 512);
        using (var writer = new Utf8JsonWriter(buffer, Writing))
        {
            writer.WriteStartObject();
            writer.WriteBase64String("data_base64", message.Data.Span);
            writer.WriteString("datacontenttype", "application/octet-stream");
            writer.WriteString("id", Guid.NewGuid());
            writer.WriteString("pubsubname", pubSubName);
            writer.WriteString("source", "Dapr");
            writer.WriteString("specversion", "1.0");
            writer.WriteString("topic", topic);
            WriteIf(writer, "traceid", traceId);
            WriteIf(writer, "traceparent", traceParent);
            WriteIf(writer, "tracestate", message.Metadata.GetValueOrDefault("tracestate"));
            writer.WriteString("type", DefaultType);
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Whether a content type, parameters aside, is the one expected.</summary>
    public static bool IsType(string? contentType, string expected) =>
        contentType is not null
        && (contentType.Equals(expected, StringComparison.OrdinalIgnoreCase)
            || (contentType.Length > expected.Length && contentType[expected.Length] == ';'
                && contentType.StartsWith(expected, StringComparison.OrdinalIgnoreCase)));

    /// <summary>The binary content types, whose data is sent as base64.</summary>
    public static bool IsBinary(string? contentType) => IsType(contentType, "application/octet-stream");

    private static void Wrap(Utf8JsonWriter writer, in Publication publication, TimeProvider time, string? expiration)
    {
        var overrides = publication.Metadata;
        var contentType = string.IsNullOrEmpty(publication.ContentType) ? "text/plain" : publication.ContentType;
        var trace = Override(overrides, "traceparent") is { Length: > 0 } traceParent
            ? traceParent
            : Override(overrides, "traceid") ?? publication.TraceParent;

        writer.WriteStartObject();
        WriteData(writer, contentType, publication.Data);
        writer.WriteString("datacontenttype", contentType);
        WriteIf(writer, "expiration", expiration);
        if (Override(overrides, "id") is { Length: > 0 } id)
        {
            writer.WriteString("id", id);
        }
        else
        {
            writer.WriteString("id", Guid.NewGuid());
        }

        writer.WriteString("pubsubname", publication.PubSubName);
        writer.WriteString("source", Override(overrides, "source") is { } source ? OrElse(source, "Dapr") : publication.AppId);
        writer.WriteString("specversion", "1.0");
        WriteIf(writer, "subject", Override(overrides, "subject") is { Length: > 0 } subject ? subject : null);
        writer.WriteString("time", Rfc3339(time.GetLocalNow()));
        writer.WriteString("topic", publication.Topic);
        writer.WriteString("traceid", trace);
        writer.WriteString("traceparent", trace);
        writer.WriteString("tracestate", Override(overrides, "tracestate") ?? publication.TraceState);
        writer.WriteString("type", OrElse(Override(overrides, "type"), DefaultType));
        writer.WriteEndObject();
    }

    private static void WriteData(Utf8JsonWriter writer, string contentType, ReadOnlyMemory<byte> data)
    {
        if (IsType(contentType, "application/json"))
        {
            // What claims to be JSON and is not travels as a string.
            using var document = TryParse(data);
            if (document is null)
            {
                writer.WriteString("data", Encoding.UTF8.GetString(data.Span));
                return;
            }

            writer.WritePropertyName("data");
            GoJson.Write(writer, document.RootElement);
        }
        else if (IsBinary(contentType) || IsType(contentType, "application/cloudevents+protobuf"))
        {
            writer.WriteBase64String("data_base64", data.Span);
        }
        else
        {
            writer.WriteString("data", Encoding.UTF8.GetString(data.Span));
        }
    }

    private static void Complete(Utf8JsonWriter writer, in Publication publication, TimeProvider time, string? expiration)
    {
        using var document = JsonDocument.Parse(publication.Data, Parsing);
        var own = document.RootElement.ValueKind == JsonValueKind.Object
            ? Members(document.RootElement)
            : throw new JsonException("cannot unmarshal into a CloudEvent");
        var added = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["topic"] = publication.Topic,
            ["pubsubname"] = publication.PubSubName,
        };
        if (!own.ContainsKey("time"))
        {
            added["time"] = Rfc3339(time.GetLocalNow());
        }

        if (!own.ContainsKey("traceid"))
        {
            added["traceid"] = publication.TraceParent;
            added["traceparent"] = publication.TraceParent;
        }

        if (!own.ContainsKey("tracestate"))
        {
            added["tracestate"] = publication.TraceState;
        }

        Default("source", "Dapr");
        Default("type", DefaultType);
        Default("specversion", "1.0");
        if (expiration is not null)
        {
            added["expiration"] = expiration;
        }

        writer.WriteStartObject();
        foreach (var name in own.Keys.Union(added.Keys).Order(StringComparer.Ordinal))
        {
            writer.WritePropertyName(name);
            if (added.TryGetValue(name, out var text))
            {
                writer.WriteStringValue(text);
            }
            else
            {
                GoJson.Write(writer, own[name]);
            }
        }

        writer.WriteEndObject();

        void Default(string name, string value)
        {
            if (!own.TryGetValue(name, out var given) || given.ValueKind == JsonValueKind.Null)
            {
                added[name] = value;
            }
        }
    }

    private static SortedDictionary<string, JsonElement> Members(JsonElement value)
    {
        var members = new SortedDictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var member in value.EnumerateObject())
        {
            members[member.Name] = member.Value;
        }

        return members;
    }

    private static JsonDocument? TryParse(ReadOnlyMemory<byte> data)
    {
        try
        {
            return JsonDocument.Parse(data, Parsing);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    // Overrides are found in any case; everything else about metadata names is exact.
    private static string? Override(IReadOnlyDictionary<string, string> metadata, string attribute)
    {
        if (metadata.Count == 0)
        {
            return null;
        }

        foreach (var (name, value) in metadata)
        {
            if (name.Length == attribute.Length + 11
                && name.StartsWith("cloudevent.", StringComparison.OrdinalIgnoreCase)
                && name.EndsWith(attribute, StringComparison.OrdinalIgnoreCase))
            {
                return value;
            }
        }

        return null;
    }

    private static TimeSpan? TimeToLive(IReadOnlyDictionary<string, string> metadata)
    {
        foreach (var (name, value) in metadata)
        {
            if (name.Equals("ttlInSeconds", StringComparison.OrdinalIgnoreCase) || name.Equals("ttl", StringComparison.OrdinalIgnoreCase))
            {
                return int.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var seconds) && seconds > 0
                    ? TimeSpan.FromSeconds(seconds)
                    : null;
            }
        }

        return null;
    }

    private static string OrElse(string? value, string other) => string.IsNullOrEmpty(value) ? other : value;

    private static void WriteIf(Utf8JsonWriter writer, string name, string? value)
    {
        if (value is not null)
        {
            writer.WriteString(name, value);
        }
    }

    private static string Rfc3339(DateTimeOffset time) =>
        time.ToString(time.Offset == TimeSpan.Zero ? "yyyy-MM-ddTHH:mm:ss'Z'" : "yyyy-MM-ddTHH:mm:sszzz", CultureInfo.InvariantCulture);
}
