using System.Text.Json;

namespace Accounts.Command;

/// <summary>
/// The members of a JSON object, read one by one. What is wrong with each is collected, so that a client learns all of it
/// from one answer.
/// </summary>
internal sealed class JsonMembers
{
    private readonly Dictionary<string, JsonElement> _members = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string[]> _wrong;
    private readonly string _prefix;

    private JsonMembers(JsonElement json, string prefix, Dictionary<string, string[]> wrong)
    {
        (_prefix, _wrong) = (prefix, wrong);
        foreach (var member in json.EnumerateObject())
        {
            if (!_members.TryAdd(member.Name, member.Value))
            {
                Refuse(member.Name, "is given more than once");
            }
        }
    }

    /// <summary>The members of the body; null when it is not one JSON object.</summary>
    public static JsonMembers? Parse(ReadOnlyMemory<byte> body, Dictionary<string, string[]> wrong)
    {
        try
        {
            var json = JsonElement.Parse(body.Span);
            if (json.ValueKind == JsonValueKind.Object)
            {
                return new JsonMembers(json, "", wrong);
            }

            wrong["$"] = ["must be a JSON object"];
        }
        catch (JsonException malformed)
        {
            wrong["$"] = [body.IsEmpty ? "is missing; a JSON object is expected" : $"is not JSON, from line {malformed.LineNumber + 1}, byte {malformed.BytePositionInLine + 1}"];
        }
        catch (InvalidOperationException)
        {
            wrong["$"] = ["has a member whose name is not valid Unicode"];
        }

        return null;
    }

    public string? Text(string name, bool required, Func<string, string?> check)
    {
        if (Take(name, required) is not { } json)
        {
            return null;
        }

        if (json.ValueKind != JsonValueKind.String)
        {
            return Refuse<string>(name, "must be a string");
        }

        string text;
        try
        {
            text = json.GetString()!;
        }
        catch (InvalidOperationException)
        {
            return Refuse<string>(name, "is not valid Unicode");
        }

        return check(text) is { } error ? Refuse<string>(name, error) : text;
    }

    public long? Whole(string name, long min, long max, bool required = true)
    {
        if (Take(name, required) is not { } json)
        {
            return null;
        }

        if (json.ValueKind == JsonValueKind.Number && json.TryGetInt64(out var number) && number >= min && number <= max)
        {
            return number;
        }

        Refuse(name, $"must be a whole number from {min} to {max}");
        return null;
    }

    public bool? Flag(string name, bool required)
    {
        if (Take(name, required) is not { } json)
        {
            return null;
        }

        if (json.ValueKind is JsonValueKind.True or JsonValueKind.False)
        {
            return json.GetBoolean();
        }

        Refuse(name, "must be true or false");
        return null;
    }

    public JsonMembers? Object(string name)
    {
        if (Take(name, required: false) is not { } json)
        {
            return null;
        }

        try
        {
            return json.ValueKind == JsonValueKind.Object
                ? new JsonMembers(json, $"{_prefix}{name}.", _wrong)
                : Refuse<JsonMembers>(name, "must be a JSON object");
        }
        catch (InvalidOperationException)
        {
            return Refuse<JsonMembers>(name, "has a member whose name is not valid Unicode");
        }
    }

    /// <summary>Refuses the members that nobody asked for.</summary>
    public void RefuseOthers()
    {
        foreach (var name in _members.Keys)
        {
            Refuse(name, "is unknown");
        }
    }

    private JsonElement? Take(string name, bool required)
    {
        if (!_members.Remove(name, out var json))
        {
            if (required)
            {
                Refuse(name, "is missing");
            }

            return null;
        }

        // An optional member that is null is as good as absent.
        return json.ValueKind == JsonValueKind.Null && !required ? null : json;
    }

    private T? Refuse<T>(string name, string error)
        where T : class
    {
        Refuse(name, error);
        return null;
    }

    private void Refuse(string name, string error) => _wrong.TryAdd(_prefix + name, [error]);
}
