using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace EventLog;

/// <summary>
/// JSON in one form only: members in the order of their names, no white space, whole numbers as digits. Some stores hand
/// back other bytes than they were given; the same fields in this form give the same bytes, and so the same digest.
/// </summary>
internal static class CanonicalJson
{
    public static readonly JsonWriterOptions Options = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    private static readonly Comparison<JsonProperty> ByName = Compare;

    public static void Write(Utf8JsonWriter writer, JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                writer.WriteStartObject();
                WriteMembers(writer, element);
                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (var item in element.EnumerateArray())
                {
                    Write(writer, item);
                }

                writer.WriteEndArray();
                break;
            case JsonValueKind.Number when element.TryGetInt64(out var number):
                writer.WriteNumberValue(number);
                break;
            case JsonValueKind.String when JsonMarshal.GetRawUtf8Value(element) is var quoted && IsPlain(quoted):
                writer.WriteStringValue(quoted[1..^1]);
                break;
            case JsonValueKind.String:
                writer.WriteStringValue(element.GetString());
                break;
            default:
                element.WriteTo(writer);
                break;
        }
    }

    // Every command comes by here with its state and its events: nothing is allocated for names and texts that are plain.
    private static void WriteMembers(Utf8JsonWriter writer, JsonElement element)
    {
        var count = element.GetPropertyCount();
        var members = ArrayPool<JsonProperty>.Shared.Rent(count);
        try
        {
            var filled = 0;
            foreach (var member in element.EnumerateObject())
            {
                members[filled++] = member;
            }

            members.AsSpan(0, count).Sort(ByName);
            foreach (var member in members.AsSpan(0, count))
            {
                if (JsonMarshal.GetRawUtf8PropertyName(member) is var name && IsPlain(name))
                {
                    writer.WritePropertyName(name);
                }
                else
                {
                    writer.WritePropertyName(member.Name);
                }

                Write(writer, member.Value);
            }
        }
        finally
        {
            ArrayPool<JsonProperty>.Shared.Return(members, clearArray: true);
        }
    }

    private static int Compare(JsonProperty a, JsonProperty b)
    {
        var left = JsonMarshal.GetRawUtf8PropertyName(a);
        var right = JsonMarshal.GetRawUtf8PropertyName(b);
        return IsPlain(left) && IsPlain(right) ? left.SequenceCompareTo(right) : string.CompareOrdinal(a.Name, b.Name);
    }

    /// <summary>ASCII without escapes: the bytes are the text.</summary>
    private static bool IsPlain(ReadOnlySpan<byte> text) => Ascii.IsValid(text) && !text.Contains((byte)'\\');
}
