using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using Dapr.Actors;
using Dapr.Actors.Client;
using Dapr.Actors.Runtime;

namespace EventLog;

/// <summary>
/// Which replica works on which partition: an actor per partition names it. Held from each call that the actor serves
/// here until it is deactivated or given up. A route, never a fence: two replicas may both believe that they hold one.
/// </summary>
/// <param name="actorType">The actor type, the same on every replica of a deployment.</param>
/// <param name="call">Calls the partition's actor with a message, wherever it lives.</param>
public sealed class PartitionRoutes(string actorType, Func<int, JsonElement, CancellationToken, Task<JsonElement>> call)
{
    private readonly ConcurrentDictionary<int, bool> _held = new();

    /// <summary>The actor type, the same on every replica of a deployment.</summary>
    public string ActorType => actorType;

    /// <summary>
    /// What is done with a message that arrives for a partition on this replica. Set once, before the first call.
    /// </summary>
    public Func<int, JsonElement, CancellationToken, Task<JsonElement>>? Receive { get; set; }

    /// <summary>True while this replica hosts the partition's actor, as far as it knows.</summary>
    public bool Holds(int partition) => _held.ContainsKey(partition);

    /// <summary>
    /// Sends a message to the replica that hosts the partition's actor (maybe this one) and returns its answer. The
    /// sidecar may deliver it twice.
    /// </summary>
    /// <exception cref="Dapr.DaprApiException">The actor could not be reached.</exception>
    public Task<JsonElement> CallAsync(int partition, JsonElement message, CancellationToken cancellation) =>
        call(partition, message, cancellation);

    /// <summary>Forgets a route until its actor is called here again: another replica was seen at work on the partition.</summary>
    public void GiveUp(int partition) => _held.TryRemove(partition, out _);

    /// <summary>Routes through Dapr's actors.</summary>
    public static PartitionRoutes ThroughActors(string actorType, IActorProxyFactory proxies) => new(
        actorType,
        (partition, message, cancellation) => proxies
            .Create(new ActorId(partition.ToString(CultureInfo.InvariantCulture)), actorType)
            .InvokeMethodAsync<JsonElement, JsonElement>(nameof(IPartitionActor.Receive), message, cancellation));

    internal Task<JsonElement> ReceivedAsync(int partition, JsonElement message, CancellationToken cancellation)
    {
        _held[partition] = true;
        return Receive is { } receive
            ? receive(partition, message, cancellation)
            : throw new InvalidOperationException($"Nothing receives the messages of actor type '{ActorType}'.");
    }
}

/// <summary>The actor's interface, as Dapr.Actors wants one.</summary>
public interface IPartitionActor : IActor
{
    /// <summary>Hands a message to the replica's <see cref="PartitionRoutes"/>.</summary>
    Task<JsonElement> Receive(JsonElement message);
}

/// <summary>The actor: it does nothing but hand what it gets to its replica.</summary>
internal sealed class PartitionActor(ActorHost host, PartitionRoutes routes) : Actor(host), IPartitionActor
{
    private int Partition => int.Parse(Id.GetId(), CultureInfo.InvariantCulture);

    public Task<JsonElement> Receive(JsonElement message) => routes.ReceivedAsync(Partition, message, CancellationToken.None);

    protected override Task OnDeactivateAsync()
    {
        routes.GiveUp(Partition);
        return Task.CompletedTask;
    }
}
