using System.Text.Json.Serialization;

namespace EventLog;

/// <summary>
/// The message on the wake-up topic: the partition has reached the position. It carries no data, may be lost, repeated or
/// come late: the truth is in the log.
/// </summary>
/// <param name="Partition">The partition.</param>
/// <param name="Position">The position of its newest record.</param>
/// <param name="Others">What else has grown since the last message, each without others of its own. Who does not read it looks by himself a second later.</param>
public sealed record WakeUp(
    int Partition, long Position, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<WakeUp>? Others = null);
