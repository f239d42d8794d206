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
            Store, Routes, Tallies.Decider, options, Meter, _ => (_, _) => { }, world.Clock(clockWrongBy), () => $"{world.Chance.NextInt64():x}{world.Chance.NextInt64():x}", NullLogger.Instance)
        {
            // The check of the store has tests of its own; here it would be half of the work.
            Abilities = world.Happens(0.03) ? null : new StoreAbilities(TransactionsHonourCreates: !database.LikeRedis),
            Tracing = Tracing,
        };
        Ended = world.RunAs(Context, async () =>
        {
            await Log.RunAsync(_stop.Token);
            return true;
        });
    }

    private static readonly Meter Meter = new("simulated");
    private static readonly LogTracing Tracing = new(new System.Diagnostics.ActivitySource("simulated"));

    public VirtualWorld.ReplicaContext Context { get; }
    public SimulatedStore Store { get; }
    public PartitionRoutes Routes { get; }
    public CommandLog<Tally, TallyCommand, TallyEvent> Log { get; }

    /// <summary>Ends after <see cref="Stop"/>; faulted when the log was refused.</summary>
    public Task<bool> Ended { get; }

    public bool Alive => !Context.Dead;

    /// <summary>Has been asked to stop: it answers what it has, and clients go elsewhere.</summary>
    public bool Stopping => _stop.IsCancellationRequested;

    public void Kill() => Context.Dead = true;

    public void Stop() => _stop.Cancel();

    /// <summary>Stops it as SIGTERM does: what it has is answered, then its process is gone.</summary>
    public async Task StopAsync()
    {
        Stop();
        await Ended;
        Kill();
    }

    public void Dispose() => _stop.Dispose();
}

/// <summary>
/// The actors: each partition lives on one replica. Calls may come twice, be silent, or speak later; those of a
/// dead or stopping replica move after a while, a paused one's do not.
/// </summary>
public sealed class SimulatedActors(VirtualWorld world, List<Replica> replicas)
{
    private readonly Dictionary<int, Replica> _places = [];

    /// <summary>No call is answered (as when Dapr's placement service is away).</summary>
    public bool Blocked { get; set; }

    public double SpeaksLater { get; set; }
    public double ComesTwice { get; set; }

    /// <summary>
    /// Moves a partition to another replica, as placement does when replicas come and go. The former place is told, or goes
    /// on believing that the partition is its own.
    /// </summary>
    public void Move(int partition, bool told)
    {
        if (_places.Remove(partition, out var place) && place.Alive && told)
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
        if (_places.TryGetValue(partition, out var place) && (!place.Alive || place.Stopping))
        {
            await world.PauseAsync(900);
            _places.Remove(partition);
        }

        if (!_places.TryGetValue(partition, out place))
        {
            var alive = replicas.Where(r => r.Alive && !r.Stopping && !r.Context.Paused).ToArray();
            place = alive.Length > 0 ? alive[world.Chance.Next(alive.Length)] : replicas[0];
            _places[partition] = place;
        }

        return place;
    }
}
