using System.Text.Json;

namespace EventLog;

/// <summary>How far a partition has been verified, and what the rest of it is held against.</summary>
public sealed class VerifiedPartition
{
    /// <summary>The partition's number.</summary>
    public required int Partition { get; init; }

    /// <summary>Everything up to here is verified.</summary>
    public long Position { get; set; }

    /// <summary>Digest of the record at <see cref="Position"/>.</summary>
    public string Digest { get; set; } = "";

    /// <summary>Commit time of the record at <see cref="Position"/>, in epoch milliseconds.</summary>
    public long Time { get; set; }

    /// <summary>Streams with events so far.</summary>
    public long Streams { get; set; }

    /// <summary>Commands recorded so far.</summary>
    public long Commands { get; set; }

    /// <summary>Events so far.</summary>
    public long Events { get; set; }

    /// <summary>What is known of each stream, by its name.</summary>
    public Dictionary<string, VerifiedHistory> ByName { get; init; } = [];
}

/// <summary>What is known of one stream.</summary>
public sealed class VerifiedHistory
{
    /// <summary>Number of its events.</summary>
    public long Version { get; set; }

    /// <summary>Its place among the partition's streams; 0 until it has events.</summary>
    public long Ordinal { get; set; }

    /// <summary>Digests of the ids of its last keyed commands, oldest first.</summary>
    public List<long>? Keyed { get; set; }

    /// <summary>Its snapshot, until the log has passed the position that it covers.</summary>
    public SnapshotAhead? Snapshot { get; set; }
}

/// <summary>A snapshot that the log is still to be held against.</summary>
/// <param name="Position">The position that it covers.</param>
/// <param name="Version">The stream's version there.</param>
/// <param name="Ordinal">The stream's ordinal.</param>
/// <param name="State">The state at that version; null when it says nothing about it.</param>
public sealed record SnapshotAhead(long Position, long Version, long Ordinal, JsonElement? State);
