using System.Diagnostics.Metrics;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;

namespace EventLog.Tests.Simulation;

/// <summary>One replica of the command service: a log over the common database, with a thread of its own.</summary>
public sealed class Replica : IDisposable
{
    private readonly CancellationTokenSource _stop = new();

    public Replica(VirtualWorld world, SimulatedDatabase database, SimulatedActors actors, LogOptions options, Func<Faults> faults, TimeSpan clockWrongBy)
    {
        Context = new VirtualWorld.ReplicaContext(world);
        Store = new SimulatedStore(world, database, faults);
        Routes = new PartitionRoutes("simulated", (partition, message, cancellation) => actors.CallAsync(partition, message, cancellation));
        Log = new CommandLog<Tally, TallyCommand, TallyEvent>(
            Store, Routes, Tallies.Decider, options, Meter, _ => (_, _) => { }, world.Clock(clockWrongBy), () => $"{world.Chance.NextInt64():x}{world.Chance.NextInt64():x}", NullLogger.Instance);
        Ended = world.RunAs(Context, async () =>
        {
            await Log.RunAsync(_stop.Token);
            return true;
        });
    }

    private static readonly Meter Meter = new("simulated");

    public VirtualWorld.ReplicaContext Context { get; }
    public SimulatedStore Store { get; }
    public PartitionRoutes Routes { get; }
    public CommandLog<Tally, TallyCommand, TallyEvent> Log { get; }

    /// <summary>Ends after <see cref="Stop"/>; faulted when the log was refused.</summary>
    public Task<bool> Ended { get; }

    public bool Alive => !Context.Dead;

    public void Kill() => Context.Dead = true;

    public void Stop() => _stop.Cancel();

    public void Dispose() => _stop.Dispose();
}

/// <summary>
/// The actors: each partition lives on one replica. Calls may come twice, be silent, or speak later; a dead replica's
/// partitions move after a while, a paused one's do not.
/// </summary>
public sealed class SimulatedActors(VirtualWorld world, List<Replica> replicas)
{
    private readonly Dictionary<int, Replica> _places = [];

    /// <summary>No call is answered (as when Dapr's placement service is away).</summary>
    public bool Blocked { get; set; }

    public double SpeaksLater { get; set; }
    public double ComesTwice { get; set; }

    /// <summary>Moves a partition to another replica, as placement does when replicas come and go.</summary>
    public void Move(int partition)
    {
        if (_places.Remove(partition, out var place) && place.Alive)
        {
            place.Routes.GiveUp(partition);
        }
    }

    public async Task<JsonElement> CallAsync(int partition, JsonElement message, CancellationToken cancellation)
    {
        await world.PauseAsync(3, cancellation);
        while (Blocked)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(100), world.Clock(), cancellation);
        }

        return await DeliverAsync(partition, message).WaitAsync(cancellation);
    }

    private async Task<JsonElement> DeliverAsync(int partition, JsonElement message)
    {
        if (world.Happens(SpeaksLater))
        {
            await world.PauseAsync(4000);
        }

        var target = await PlaceAsync(partition);
        if (world.Happens(ComesTwice))
        {
            _ = world.RunAs(target.Context, () => target.Routes.ReceivedAsync(partition, message, CancellationToken.None));
        }

        var answer = await world.RunAs(target.Context, () => target.Routes.ReceivedAsync(partition, message, CancellationToken.None));
        await world.PauseAsync(3);
        return answer;
    }

    private async Task<Replica> PlaceAsync(int partition)
    {
        if (_places.TryGetValue(partition, out var place) && !place.Alive)
        {
            await world.PauseAsync(900);
            _places.Remove(partition);
        }

        if (!_places.TryGetValue(partition, out place))
        {
            var alive = replicas.Where(r => r.Alive && !r.Context.Paused).ToArray();
            place = alive.Length > 0 ? alive[world.Chance.Next(alive.Length)] : replicas[0];
            _places[partition] = place;
        }

        return place;
    }
}
