using System.Text.Json;

namespace EventLog;

/// <summary>An event with its place in the log and what came with its command.</summary>
public sealed record RecordedEvent
{
    /// <summary>The event's name, schema and data.</summary>
    public required StoredEvent Event { get; init; }

    /// <summary>The stream that it belongs to.</summary>
    public required string Stream { get; init; }

    /// <summary>Its version in the stream: 1, 2, 3 …</summary>
    public required long Version { get; init; }

    /// <summary>The how-manieth stream of its partition this is, from 1; never changes.</summary>
    public required long StreamOrdinal { get; init; }

    /// <summary><c>{log id}-{partition}-{position}-{index}</c>; never changes.</summary>
    public required string EventId { get; init; }

    /// <summary>Partition and position of the record that holds it.</summary>
    public required LogPosition Position { get; init; }

    /// <summary>When the record was committed.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>The id of the command that it came from.</summary>
    public required string CommandId { get; init; }

    /// <summary>See <see cref="Submission{TCommand}.CorrelationId"/>.</summary>
    public required string CorrelationId { get; init; }

    /// <summary>See <see cref="Submission{TCommand}.CausationId"/>.</summary>
    public string? CausationId { get; init; }

    /// <summary>See <see cref="Submission{TCommand}.TraceParent"/>.</summary>
    public string? TraceParent { get; init; }
}

/// <summary>One record of the log as a reader sees it; one that holds only outcomes has no events.</summary>
public sealed record LogRecord(LogPosition Position, DateTimeOffset Time, IReadOnlyList<RecordedEvent> Events);

/// <summary>What is fixed when a log is created.</summary>
/// <param name="Id">Random; part of every event id, and of the keys of everything derived from the log.</param>
/// <param name="Partitions">Number of partitions, numbered from 0.</param>
public sealed record LogDescription(string Id, int Partitions);
