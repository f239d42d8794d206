using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace EventLog;

/// <summary>Holds record after record of a partition against the ones before and against the streams' snapshots.</summary>
internal sealed class RecordChecks(LogDescription log, VerifiedPartition verified)
{
    // So many keyed commands of a stream are remembered by every writer, whatever else is configured.
    private const int RememberedKeys = 64;

    /// <summary>Takes a stream in that was not met before, with its snapshot if it has one.</summary>
    public void Meet(string stream, StoredSnapshot? snapshot)
    {
        // Events that the writer of the snapshot could not read come after its state, so that nothing says what it should be.
        var ahead = snapshot is null ? null : new SnapshotAhead(
            snapshot.Position, snapshot.Version + snapshot.Unread.Count, snapshot.Ordinal, snapshot.Unread.Count > 0 ? null : snapshot.State?.Clone());
        verified.ByName[stream] = new VerifiedHistory { Snapshot = ahead };
    }

    /// <summary>Checks the next record.</summary>
    /// <exception cref="LogBrokenException">It does not fit.</exception>
    public void Check(StoredRecord record, ReadOnlyMemory<byte> bytes)
    {
        var position = new LogPosition(record.Partition, record.Position);
        Hold(StoredRecord.IsWhole(bytes) is true, position, "was changed after it was written");
        Hold(record.DigestBefore == verified.Digest, position, "does not follow the record before it: the digests differ");
        Hold(record.Time >= verified.Time, position, "is older than the record before it");
        foreach (var command in record.Commands)
        {
            Check(command, position);
        }

        verified.Position = record.Position;
        verified.Digest = StoredRecord.DigestOfStored(bytes);
        verified.Time = record.Time;
        verified.Commands += record.Commands.Count;
    }

    /// <summary>Checks a head against the record that it names.</summary>
    /// <exception cref="LogBrokenException">They differ.</exception>
    public void Check(Head head) => Hold(
        (head.Digest, head.Time, head.Streams) == (verified.Digest, verified.Time, verified.Streams),
        new LogPosition(verified.Partition, head.Position),
        "is not the one that the partition's head names");

    /// <summary>Checks the snapshots that nothing was recorded after, and returns the greatest position that one covers.</summary>
    /// <exception cref="LogBrokenException">One does not fit.</exception>
    public long CheckSnapshots()
    {
        var furthest = 0L;
        foreach (var (name, stream) in verified.ByName)
        {
            furthest = Math.Max(furthest, stream.Snapshot?.Position ?? 0);
            Pass(name, stream, verified.Position);
        }

        return furthest;
    }

    private void Check(StoredCommand command, LogPosition position)
    {
        var stream = verified.ByName[command.Stream];
        Pass(command.Stream, stream, position.Position - 1);
        Hold(Keys.PartitionOf(command.Stream, log.Partitions) == position.Partition, position, $"holds a command for '{command.Stream}', which belongs to another partition");
        foreach (var e in command.Events)
        {
            Hold(e.Version == stream.Version + 1, position, $"brings version {e.Version} of '{command.Stream}' after version {stream.Version}");
            Hold(e.StreamOrdinal == (stream.Ordinal > 0 ? stream.Ordinal : verified.Streams + 1), position, $"gives '{command.Stream}' the ordinal {e.StreamOrdinal}");
            verified.Streams = Math.Max(verified.Streams, e.StreamOrdinal);
            (stream.Version, stream.Ordinal) = (e.Version, e.StreamOrdinal);
        }

        var appended = command.Events.Count > 0;
        Hold(
            !appended || (OutcomeNames.Parse(command.Outcome) is OutcomeKind.Appended && command.AnswerPosition == position.Position && command.Version == stream.Version),
            position,
            $"gives another answer to a command on '{command.Stream}' than its events");
        Hold(command.AnswerPosition <= position.Position, position, $"gives an answer on '{command.Stream}' that lies ahead of it");
        Hold(!command.Keyed || !IsKnown(stream, command.Id) || !appended, position, $"has a second effect of the keyed command '{command.Id}' on '{command.Stream}'");
        verified.Events += command.Events.Count;
        if (appended && stream.Snapshot is { State: { } state } snapshot && snapshot.Version == stream.Version)
        {
            Hold(Holds(state, command.State), new LogPosition(position.Partition, snapshot.Position), $"is covered by a snapshot of '{command.Stream}' with another state than the log's");
        }
    }

    /// <summary>What was recorded up to the position must be in a snapshot that covers no more.</summary>
    private void Pass(string name, VerifiedHistory stream, long upTo)
    {
        if (stream.Snapshot is { } snapshot && snapshot.Position <= upTo)
        {
            Hold(
                (snapshot.Version, snapshot.Ordinal) == (stream.Version, stream.Ordinal),
                new LogPosition(verified.Partition, snapshot.Position),
                $"is covered by a snapshot of '{name}' at version {snapshot.Version}, and the log has version {stream.Version} there");
            stream.Snapshot = null;
        }
    }

    private static bool IsKnown(VerifiedHistory stream, string id)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(id), digest);
        var key = BinaryPrimitives.ReadInt64LittleEndian(digest);
        var known = (stream.Keyed ??= []).Remove(key);
        stream.Keyed.Add(key);
        if (stream.Keyed.Count > RememberedKeys)
        {
            stream.Keyed.RemoveAt(0);
        }

        return known;
    }

    /// <summary>
    /// A later version's states may have members that the recorded one has not; what was recorded must be there unchanged.
    /// </summary>
    private static bool Holds(JsonElement snapshot, JsonElement recorded) =>
        recorded.ValueKind is not JsonValueKind.Object
        || (snapshot.ValueKind is JsonValueKind.Object
            && recorded.EnumerateObject().All(m => snapshot.TryGetProperty(m.Name, out var there) && JsonElement.DeepEquals(there, m.Value)));

    private static void Hold(bool holds, LogPosition position, string otherwise)
    {
        if (!holds)
        {
            throw new LogBrokenException(position, $"The record at {position} {otherwise}.");
        }
    }
}
