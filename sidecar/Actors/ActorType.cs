namespace Sidecar.Actors;

/// <summary>One replica of an app as host of one actor type, with the actors that are active there.</summary>
internal sealed class HostedType(ActorHost host, string type, ActorConfig config)
{
    private readonly ulong _hash = Rendezvous.Hash(host.Name);

    public ActorHost Host { get; } = host;

    public string Type { get; } = type;

    public ActorConfig Config { get; } = config;

    /// <summary>Guarded by the lock of the <see cref="ActorType"/>.</summary>
    public Dictionary<string, ActorInstance> Active { get; } = new(StringComparer.Ordinal);

    public ulong Weight(ulong actor) => Rendezvous.Mix(_hash ^ actor);
}

/// <summary>
/// Where the actors of one type live. Each has exactly one owner among the replicas that host the type, by rendezvous
/// hashing: a replica that comes or goes moves only its own share. While it does, calls to the type wait, as Dapr's do
/// between its LOCK and UNLOCK; calls under way go on, and those whose actor moves are drained.
/// </summary>
internal sealed class ActorType(string name, TimeProvider time) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _changing = new(1);
    private HostedType[] _hosts = [];
    private TaskCompletionSource? _moving;
    private TaskCompletionSource _hosted = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends when the type has a host.</summary>
    public Task Hosted
    {
        get
        {
            lock (_gate)
            {
                return _hosted.Task;
            }
        }
    }

    /// <summary>Finds the actor's owner and takes a place in the actor's line, in one step that no move can come between.</summary>
    public Place Enter(ActorCall call, CancellationToken cancellation)
    {
        lock (_gate)
        {
            if (_moving is not null)
            {
                return new Place(null, null, _moving.Task);
            }

            if (_hosts.Length == 0)
            {
                return default;
            }

            var owner = Owner(_hosts, call.Id);
            if (!owner.Active.TryGetValue(call.Id, out var actor))
            {
                owner.Active[call.Id] = actor = new ActorInstance(owner, call.Id) { LastStart = time.GetTimestamp() };
                var activated = actor;
                actor.IdleTimer = time.CreateTimer(
                    _ => LookAtIdle(activated), null, owner.Config.IdleTimeout, Timeout.InfiniteTimeSpan);
            }

            var reentrancyId = owner.Config.Reentrant ? call.ReentrancyId ?? Guid.NewGuid().ToString() : null;
            return actor.Enter(reentrancyId, cancellation) is { } turn
                ? new Place(actor, turn, null)
                : new Place(null, null, actor.Gone);
        }
    }

    /// <summary>A replica begins to host the type.</summary>
    public Task JoinAsync(HostedType host) => ChangeAsync(hosts => [.. hosts, host], null);

    /// <summary>A replica hosts the type no longer.</summary>
    /// <param name="dead">Its app is gone or does not answer: there is nothing to drain and nobody to tell.</param>
    public Task LeaveAsync(ActorHost host, bool dead) =>
        ChangeAsync(hosts => [.. hosts.Where(h => h.Host != host)], dead ? host : null);

    /// <summary>Whether the replica still hosts the type.</summary>
    public bool Hosts(HostedType host)
    {
        lock (_gate)
        {
            return _hosts.Contains(host);
        }
    }

    /// <summary>Whether the actor is active on this replica.</summary>
    public bool IsActive(ActorHost host, string id)
    {
        lock (_gate)
        {
            return _hosts.FirstOrDefault(h => h.Host == host)?.Active.ContainsKey(id) ?? false;
        }
    }

    /// <summary>How many actors are active on this replica.</summary>
    public int Count(ActorHost host)
    {
        lock (_gate)
        {
            return _hosts.FirstOrDefault(h => h.Host == host)?.Active.Count ?? 0;
        }
    }

    public void Dispose() => _changing.Dispose();

    private async Task ChangeAsync(Func<HostedType[], HostedType[]> change, ActorHost? dead)
    {
        await _changing.WaitAsync();
        try
        {
            HostedType[] after;
            ActorInstance[] moved;
            TaskCompletionSource moving;
            lock (_gate)
            {
                after = change(_hosts);
                moved = [.. _hosts.SelectMany(h => h.Active.Values).Where(a => after.Length == 0 || Owner(after, a.Id) != a.Hosted)];
                _moving = moving = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }

            await Task.WhenAll(moved.Select(a => HaltAsync(a, a.Hosted.Config.Drain, a.Hosted.Host == dead)));
            lock (_gate)
            {
                _hosts = after;
                _moving = null;
                if (after.Length == 0 && _hosted.Task.IsCompleted)
                {
                    _hosted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                }
                else if (after.Length > 0)
                {
                    _hosted.TrySetResult();
                }
            }

            moving.SetResult();
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>Takes an actor away: lets its call finish for a while, cancels it, tells the app.</summary>
    private async Task HaltAsync(ActorInstance actor, TimeSpan drain, bool dead)
    {
        if (!actor.TryClose(out var quiet))
        {
            // It is being deactivated already; a dead app would never confirm that.
            if (dead)
            {
                Forget(actor);
            }

            await actor.Gone;
            return;
        }

        if (!quiet.IsCompleted && !dead && drain > TimeSpan.Zero)
        {
            await Task.WhenAny(quiet, Task.Delay(drain, time));
        }

        actor.Cancel();
        if (!dead)
        {
            await actor.Hosted.Host.DeactivateAsync(actor.Hosted.Type, actor.Id);
        }

        Forget(actor);
    }

    private void LookAtIdle(ActorInstance actor)
    {
        lock (_gate)
        {
            if (_moving is not null || !actor.Hosted.Active.ContainsKey(actor.Id))
            {
                // Whoever moves the actors decides; if this one stays, it is looked at again.
                actor.IdleTimer!.Change(actor.Hosted.Config.IdleTimeout, Timeout.InfiniteTimeSpan);
                return;
            }

            var left = actor.Hosted.Config.IdleTimeout - time.GetElapsedTime(actor.LastStart);
            if (left > TimeSpan.Zero)
            {
                actor.IdleTimer!.Change(left, Timeout.InfiniteTimeSpan);
                return;
            }
        }

        // Idle counts from the start of the last call, so a call that lasts longer is cut off, as in Dapr.
        _ = HaltAsync(actor, TimeSpan.Zero, dead: false);
    }

    private void Forget(ActorInstance actor)
    {
        lock (_gate)
        {
            if (actor.Hosted.Active.GetValueOrDefault(actor.Id) == actor)
            {
                actor.Hosted.Active.Remove(actor.Id);
            }
        }

        actor.Hosted.Host.ForgetTimers(actor.Hosted.Type, actor.Id);
        actor.Dispose();
    }

    private HostedType Owner(HostedType[] hosts, string id)
    {
        var actor = Rendezvous.Hash(id) ^ Rendezvous.Mix(Rendezvous.Hash(name));
        var owner = hosts[0];
        for (var i = 1; i < hosts.Length; i++)
        {
            if (hosts[i].Weight(actor) > owner.Weight(actor))
            {
                owner = hosts[i];
            }
        }

        return owner;
    }

    /// <summary>A place in an actor's line; or something to wait for before asking again; or nothing when there is no host.</summary>
    internal readonly record struct Place(ActorInstance? Actor, ActorInstance.Turn? Turn, Task? Wait);
}

/// <summary>Hashes that are the same in every run.</summary>
internal static class Rendezvous
{
    public static ulong Hash(string text)
    {
        var hash = 14695981039346656037;
        foreach (var c in text)
        {
            hash = (hash ^ c) * 1099511628211;
        }

        return Mix(hash);
    }

    public static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
        value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
        return value ^ (value >> 31);
    }
}
