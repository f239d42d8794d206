using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace EventLog;

/// <summary>
/// A record as it is stored. Names and shapes are the storage format: a member may be added, none may change its meaning.
/// Members are written in the order of their names (<see cref="CanonicalJson"/>), because the digest is over them.
/// </summary>
internal sealed record StoredRecord(
    int Partition,
    long Position,
    string BatchId,
    long Time,
    string DigestBefore,
    IReadOnlyList<StoredCommand> Commands)
{
    public byte[] Write() => Write(new ArrayBufferWriter<byte>(1024)).ToArray();

    /// <summary>Writes into a buffer that was used before; the bytes last until it is used again.</summary>
    public ReadOnlyMemory<byte> Write(ArrayBufferWriter<byte> buffer)
    {
        buffer.ResetWrittenCount();
        using (var json = new Utf8JsonWriter(buffer, CanonicalJson.Options))
        {
            json.WriteStartObject();
            json.WriteString("batch", BatchId);
            json.WriteString("before", DigestBefore);
            json.WriteStartArray("commands");
            foreach (var command in Commands)
            {
                command.Write(json);
            }

            json.WriteEndArray();
            json.WriteNumber("partition", Partition);
            json.WriteNumber("position", Position);
            json.WriteNumber("time", Time);

            // The chain covers a record only once there is a next one; this covers the last one too.
            json.Flush();
            json.WriteString("whole", Digest(buffer.WrittenSpan));
            json.WriteEndObject();
        }

        return buffer.WrittenMemory;
    }

    /// <exception cref="LogBrokenException">The bytes are no record, or one of another place.</exception>
    public static StoredRecord Read(ReadOnlyMemory<byte> bytes, LogPosition expected)
    {
        try
        {
            // Not disposed: the events keep parts of it.
            var root = JsonDocument.Parse(bytes).RootElement;
            var record = new StoredRecord(
                root.GetProperty("partition").GetInt32(),
                root.GetProperty("position").GetInt64(),
                root.GetProperty("batch").GetString()!,
                root.GetProperty("time").GetInt64(),
                root.GetProperty("before").GetString()!,
                [.. root.GetProperty("commands").EnumerateArray().Select(StoredCommand.Read)]);
            return record.Partition == expected.Partition && record.Position == expected.Position
                ? record
                : throw new LogBrokenException(expected, $"The record at {expected} says that it is {record.Partition}:{record.Position}.");
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new LogBrokenException(expected, $"The record at {expected} cannot be read: {e.Message}");
        }
    }

    /// <summary>The digest of a record, from the bytes that <see cref="Write()"/> made.</summary>
    public static string Digest(ReadOnlySpan<byte> canonical) => Convert.ToHexStringLower(SHA256.HashData(canonical).AsSpan(0, 16));

    /// <summary>The digest of bytes from the store, brought back into the one form.</summary>
    public static string DigestOfStored(ReadOnlyMemory<byte> stored) => Digest(Canonical(stored));

    /// <summary>Whether a stored record is what was once written; null when it lacks the member that tells.</summary>
    public static bool? IsWhole(ReadOnlyMemory<byte> stored)
    {
        if (EndsWithItsDigest(stored.Span))
        {
            return true;
        }

        using var document = JsonDocument.Parse(stored);
        return document.RootElement.TryGetProperty("whole", out _) ? EndsWithItsDigest(Canonical(stored)) : null;
    }

    private static bool EndsWithItsDigest(ReadOnlySpan<byte> canonical)
    {
        var start = canonical.LastIndexOf(",\"whole\":\""u8);
        return start >= 0 && Encoding.ASCII.GetString(canonical[start..]) == $",\"whole\":\"{Digest(canonical[..start])}\"}}";
    }

    private static ReadOnlySpan<byte> Canonical(ReadOnlyMemory<byte> stored)
    {
        using var document = JsonDocument.Parse(stored);
        var buffer = new ArrayBufferWriter<byte>(stored.Length);
        using (var json = new Utf8JsonWriter(buffer, CanonicalJson.Options))
        {
            CanonicalJson.Write(json, document.RootElement);
        }

        return buffer.WrittenSpan;
    }
}

/// <summary>A command in a record: what is to be remembered under its id, and the events that it appended here.</summary>
internal sealed record StoredCommand
{
    public required string Id { get; init; }
    public required string Stream { get; init; }
    public required string Fingerprint { get; init; }

    /// <summary>The client chose the id, so it is remembered among the stream's last keyed commands.</summary>
    public required bool Keyed { get; init; }

    public required string CorrelationId { get; init; }
    public string? CausationId { get; init; }
    public string? TraceParent { get; init; }

    /// <summary>How the command ended; a newer version may have ways that this one does not know.</summary>
    public required string Outcome { get; init; }

    public string? Refusal { get; init; }

    /// <summary>The stream's state in the answer; an undefined element when it has none.</summary>
    public JsonElement State { get; init; }

    public required long Version { get; init; }

    /// <summary>The position in the answer: this record's, or an earlier one when the command is a repeat.</summary>
    public required long AnswerPosition { get; init; }

    public IReadOnlyList<StoredStreamEvent> Events { get; init; } = [];

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        WriteOptional(json, "causation", CausationId);
        json.WriteString("correlation", CorrelationId);
        if (Events.Count > 0)
        {
            json.WriteStartArray("events");
            foreach (var e in Events)
            {
                e.Write(json);
            }

            json.WriteEndArray();
        }

        json.WriteString("fingerprint", Fingerprint);
        json.WriteString("id", Id);
        if (Keyed)
        {
            json.WriteBoolean("keyed", true);
        }

        json.WriteString("outcome", Outcome);
        json.WriteNumber("position", AnswerPosition);
        WriteOptional(json, "refusal", Refusal);
        if (State.ValueKind != JsonValueKind.Undefined)
        {
            json.WritePropertyName("state");
            CanonicalJson.Write(json, State);
        }

        json.WriteString("stream", Stream);
        WriteOptional(json, "trace", TraceParent);
        json.WriteNumber("version", Version);
        json.WriteEndObject();
    }

    public static StoredCommand Read(JsonElement json) => new()
    {
        Id = json.GetProperty("id").GetString()!,
        Stream = json.GetProperty("stream").GetString()!,
        Fingerprint = json.GetProperty("fingerprint").GetString()!,
        Keyed = json.TryGetProperty("keyed", out var keyed) && keyed.GetBoolean(),
        CorrelationId = json.GetProperty("correlation").GetString()!,
        CausationId = Optional(json, "causation"),
        TraceParent = Optional(json, "trace"),
        Outcome = json.GetProperty("outcome").GetString()!,
        Refusal = Optional(json, "refusal"),
        State = json.TryGetProperty("state", out var state) ? state : default,
        Version = json.GetProperty("version").GetInt64(),
        AnswerPosition = json.GetProperty("position").GetInt64(),
        Events = json.TryGetProperty("events", out var events) ? [.. events.EnumerateArray().Select(StoredStreamEvent.Read)] : [],
    };

    private static void WriteOptional(Utf8JsonWriter json, string name, string? value)
    {
        if (value is not null)
        {
            json.WriteString(name, value);
        }
    }

    private static string? Optional(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) ? value.GetString() : null;
}

/// <summary>An event with its place in its stream, and its stream's place among the partition's.</summary>
internal sealed record StoredStreamEvent(StoredEvent Event, long Version, long StreamOrdinal)
{
    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WritePropertyName("data");
        CanonicalJson.Write(json, Event.Data);
        json.WriteString("name", Event.Name);
        json.WriteNumber("ordinal", StreamOrdinal);
        json.WriteNumber("schema", Event.Schema);
        json.WriteNumber("version", Version);
        json.WriteEndObject();
    }

    public static StoredStreamEvent Read(JsonElement json) => new(
        new StoredEvent(json.GetProperty("name").GetString()!, json.GetProperty("schema").GetInt32(), json.GetProperty("data")),
        json.GetProperty("version").GetInt64(),
        json.GetProperty("ordinal").GetInt64());
}

/// <summary>How outcomes are called in the store and between replicas.</summary>
internal static class OutcomeNames
{
    private static readonly string[] Names = ["appended", "already-so", "refused", "version-mismatch", "key-reused", "stopped"];

    public static string Of(OutcomeKind kind) => Names[(int)kind];

    /// <summary>Null: a newer version has more outcomes than this one.</summary>
    public static OutcomeKind? Parse(string name) => Array.IndexOf(Names, name) is >= 0 and var index ? (OutcomeKind)index : null;
}
