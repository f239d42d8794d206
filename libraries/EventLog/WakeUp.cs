namespace EventLog;

/// <summary>
/// The message on the wake-up topic: the partition has reached the position. It carries no data, may be lost, repeated or
/// come late: the truth is in the log.
/// </summary>
public sealed record WakeUp(int Partition, long Position);
