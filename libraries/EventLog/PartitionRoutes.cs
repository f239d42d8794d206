using System.Text.Json;

namespace EventLog;

/// <summary>
/// Which replica works on which partition: an actor per partition names it. Held from each call that the actor serves
/// here until it is deactivated or given up. A route, never a fence.
/// </summary>
public sealed class PartitionRoutes
{
    /// <summary>True while this replica hosts the partition's actor, as far as it knows.</summary>
    public bool Holds(int partition) => throw new NotSupportedException();

    /// <summary>
    /// Sends a message to the replica that hosts the partition's actor (maybe this one) and returns its answer.
    /// </summary>
    public Task<JsonElement> CallAsync(int partition, JsonElement message, CancellationToken cancellation) => throw new NotSupportedException();

    /// <summary>
    /// What is done with messages that arrive for a partition on this replica. Set once, before the first call.
    /// </summary>
    public Func<int, JsonElement, CancellationToken, Task<JsonElement>>? Receive { get; set; }
}
