using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Accounts.Processor.Consumers;
using EventLog;

namespace Accounts.Processor.Functions;

/// <summary>
/// An event as CloudEvents 1.0 has it. Made of the stored form, so that a newer version's events pass through unread. What
/// is here is a contract with services that we do not know: members are added, never renamed (docs/account-events.md).
/// </summary>
internal static class AccountCloudEvent
{
    private const string Source = "urn:accounts";

    public static OutgoingMessage Of(RecordedEvent recorded)
    {
        var buffer = new ArrayBufferWriter<byte>(768);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("specversion", "1.0");
            json.WriteString("id", recorded.EventId);
            json.WriteString("source", Source);
            json.WriteString("type", string.Create(CultureInfo.InvariantCulture, $"{recorded.Event.Name}.v{recorded.Event.Schema}"));
            json.WriteString("subject", recorded.Stream);
            json.WriteString("time", recorded.Time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
            json.WriteString("partitionkey", recorded.Stream);
            json.WriteNumber("accountversion", recorded.Version);
            json.WriteString("correlationid", recorded.CorrelationId);
            if (recorded.CausationId is { } causation)
            {
                json.WriteString("causationid", causation);
            }

            if (recorded.TraceParent is { } trace)
            {
                json.WriteString("traceparent", trace);
            }

            json.WriteString("datacontenttype", "application/json");
            WriteData(json, recorded);
            json.WriteEndObject();
        }

        return new OutgoingMessage(recorded.Stream, buffer.WrittenMemory);
    }

    private static void WriteData(Utf8JsonWriter json, RecordedEvent recorded)
    {
        json.WriteStartObject("data");
        json.WriteString("type", recorded.Event.Name);
        json.WriteNumber("version", recorded.Version);
        json.WriteString("eventId", recorded.EventId);
        foreach (var member in recorded.Event.Data.EnumerateObject())
        {
            member.WriteTo(json);
        }

        json.WriteEndObject();
    }
}
