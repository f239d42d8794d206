using System.Buffers;
using System.Text.Json;

namespace Sidecar.Actors;

/// <summary>What an app gets with the tick of a timer or a reminder.</summary>
internal static class CallbackBody
{
    /// <param name="data">JSON, or nothing.</param>
    /// <param name="callback">The method that a timer names; reminders name none.</param>
    public static byte[] Write(string? data, string? callback, string dueTime, string period)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true }))
        {
            writer.WriteStartObject();
            if (data is not null)
            {
                writer.WritePropertyName("data");
                writer.WriteRawValue(data);
            }

            if (callback is not null)
            {
                writer.WriteString("callback", callback);
            }

            writer.WriteString("dueTime", dueTime);
            writer.WriteString("period", period);
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }
}
