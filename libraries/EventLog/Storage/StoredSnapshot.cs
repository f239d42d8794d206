using System.Text.Json;

namespace EventLog;

/// <summary>A stream's snapshot as it is stored: everything that was recorded of it up to <see cref="Position"/>.</summary>
internal sealed record StoredSnapshot
{
    public required long Position { get; init; }
    public required long Version { get; init; }
    public required long Ordinal { get; init; }
    public JsonElement? State { get; init; }

    /// <summary>The last keyed commands, oldest first, so that their repeats get the same answers.</summary>
    public IReadOnlyList<RememberedCommand> Keyed { get; init; } = [];

    /// <summary>Events that the version which wrote this could not read, in order; the state is the one before them.</summary>
    public IReadOnlyList<UnreadEvent> Unread { get; init; } = [];

    public byte[] Write() => JsonSerializer.SerializeToUtf8Bytes(this, LogJson.Default.StoredSnapshot);

    public static StoredSnapshot Read(ReadOnlyMemory<byte> bytes) => JsonSerializer.Deserialize(bytes.Span, LogJson.Default.StoredSnapshot)!;
}

/// <summary>What is remembered of a command: enough to give its answer again.</summary>
internal sealed record RememberedCommand(
    string Id, string Fingerprint, string Outcome, string? Refusal, JsonElement? State, long Version, long Position);

/// <summary>An event that this version has no name for, kept for one that has.</summary>
internal sealed record UnreadEvent(string Name, int Schema, JsonElement Data, long Version);
