using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Sidecar.Server;

/// <summary>
/// JSON as the Go library that Dapr uses reads and writes it: the words of its errors, names without regard to case, and
/// members sorted in what is written again.
/// </summary>
internal static class GoJson
{
    private static readonly JsonWriterOptions _compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Reads the first value of a body; what follows it is ignored.</summary>
    /// <exception cref="FormatException">With Go's words.</exception>
    public static JsonElement Read(ReadOnlySpan<byte> body)
    {
        try
        {
            var reader = new Utf8JsonReader(body);
            return JsonElement.ParseValue(ref reader);
        }
        catch (JsonException)
        {
            var position = 0;
            throw new FormatException(GoJsonSyntax.Error(body, ref position) ?? "invalid JSON");
        }
    }

    /// <summary>Reads the first value, which must be of this kind.</summary>
    /// <param name="type">Name of the Go type that Dapr reads it into, for the error.</param>
    /// <exception cref="FormatException">With Go's words.</exception>
    public static JsonElement Read(ReadOnlySpan<byte> body, JsonValueKind kind, string type)
    {
        var value = Read(body);
        return value.ValueKind == kind
            ? value
            : throw new FormatException($"json: cannot unmarshal {KindOf(value)} into Go value of type {type}");
    }

    /// <summary>The member of this name, or of the last one that differs only by case; null when it is absent or null.</summary>
    public static JsonElement? Member(this JsonElement value, string name)
    {
        JsonElement? found = null;
        if (value.ValueKind == JsonValueKind.Object && !value.TryGetProperty(name, out _))
        {
            foreach (var member in value.EnumerateObject())
            {
                found = member.Name.Equals(name, StringComparison.OrdinalIgnoreCase) ? member.Value : found;
            }
        }
        else if (value.ValueKind == JsonValueKind.Object)
        {
            found = value.GetProperty(name);
        }

        return found is { ValueKind: JsonValueKind.Null } ? null : found;
    }

    /// <summary>The text of a member; null when it is absent or null.</summary>
    /// <param name="field">Go's name of the field, for instance <c>SetRequest.key</c>.</param>
    /// <exception cref="FormatException">The member is no text.</exception>
    public static string? Text(this JsonElement value, string name, string field) => value.Member(name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } text => text.GetString(),
        { } other => throw new FormatException($"json: cannot unmarshal {KindOf(other)} into Go struct field {field} of type string"),
    };

    /// <summary>A member with texts by name; empty when it is absent.</summary>
    /// <exception cref="FormatException">One of them is no text.</exception>
    public static Dictionary<string, string> Texts(this JsonElement value, string name, string field)
    {
        var texts = new Dictionary<string, string>();
        if (value.Member(name) is not { } members)
        {
            return texts;
        }

        if (members.ValueKind != JsonValueKind.Object)
        {
            throw new FormatException($"json: cannot unmarshal {KindOf(members)} into Go struct field {field} of type map[string]string");
        }

        foreach (var member in members.EnumerateObject())
        {
            texts[member.Name] = member.Value.ValueKind == JsonValueKind.String
                ? member.Value.GetString()!
                : throw new FormatException($"json: cannot unmarshal {KindOf(member.Value)} into Go struct field {field} of type string");
        }

        return texts;
    }

    /// <summary>The value written again: compact, members sorted, of equal names the last, numbers with their digits.</summary>
    public static byte[] Write(JsonElement value)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, _compact))
        {
            Write(json, value);
        }

        return buffer.WrittenSpan.IndexOfAny("<>&"u8) < 0
            ? buffer.WrittenSpan.ToArray()
            : System.Text.Encoding.UTF8.GetBytes(DaprError.EscapeLikeGo(System.Text.Encoding.UTF8.GetString(buffer.WrittenSpan)));
    }

    /// <summary>The same into a writer.</summary>
    public static void Write(Utf8JsonWriter json, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                var members = new SortedDictionary<string, JsonElement>(StringComparer.Ordinal);
                foreach (var member in value.EnumerateObject())
                {
                    members[member.Name] = member.Value;
                }

                json.WriteStartObject();
                foreach (var (name, member) in members)
                {
                    json.WritePropertyName(name);
                    Write(json, member);
                }

                json.WriteEndObject();
                break;
            case JsonValueKind.Array:
                json.WriteStartArray();
                foreach (var item in value.EnumerateArray())
                {
                    Write(json, item);
                }

                json.WriteEndArray();
                break;
            case JsonValueKind.String:
                json.WriteStringValue(value.GetString());
                break;
            default:
                json.WriteRawValue(value.GetRawText());
                break;
        }
    }

    private static string KindOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "object",
        JsonValueKind.Array => "array",
        JsonValueKind.String => "string",
        JsonValueKind.True or JsonValueKind.False => "bool",
        JsonValueKind.Number => "number",
        _ => "null",
    };
}
