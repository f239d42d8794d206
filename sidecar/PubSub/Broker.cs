using Sidecar.Faults;

namespace Sidecar.PubSub;

/// <summary>
/// The broker of one <c>pubsub.in-memory</c> component, shared by all sidecars of the host. This is a stated extension:
/// Dapr's lives inside one sidecar and reaches only that sidecar's app. Each app id with a live subscription gets each
/// message once, whichever of its replicas takes it; a message for which nobody is subscribed is lost.
/// </summary>
internal sealed class Broker(string name, FaultSwitches faults)
{
    private static readonly TimeSpan LongestReorder = TimeSpan.FromSeconds(1);

    private readonly string _place = Fault.PubSub(name);
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Topic, string AppId), Backlog> _all = [];
    private volatile Routes _routes = new([], []);

    /// <summary>
    /// The one way into the broker, for every publisher and for dead letters: what makes brokers bad (loss, delay,
    /// repetition, reordering) is done here. Returns when every subscribed app has the message in its backlog.
    /// </summary>
    public async ValueTask PublishAsync(string publisher, string topic, Message message, CancellationToken cancellation)
    {
        var routes = _routes;
        if (routes.Exact.TryGetValue(topic, out var subscribed))
        {
            foreach (var (appId, backlog) in subscribed)
            {
                await CarryAsync(publisher, appId, backlog, message, cancellation);
            }
        }

        foreach (var (prefix, appId, backlog) in routes.Wildcards)
        {
            if (topic.StartsWith(prefix, StringComparison.Ordinal))
            {
                await CarryAsync(publisher, appId, backlog, message, cancellation);
            }
        }
    }

    /// <summary>Subscribes a replica of an app. A topic that ends in <c>*</c> stands for all that begin so.</summary>
    public Backlog Subscribe(string topic, string appId)
    {
        lock (_gate)
        {
            if (!_all.TryGetValue((topic, appId), out var backlog))
            {
                _all[(topic, appId)] = backlog = new Backlog();
                Publish();
            }

            backlog.Join();
            return backlog;
        }
    }

    /// <summary>Takes back what <see cref="Subscribe"/> did.</summary>
    public void Unsubscribe(string topic, string appId)
    {
        lock (_gate)
        {
            if (_all.TryGetValue((topic, appId), out var backlog) && backlog.Leave())
            {
                _all.Remove((topic, appId));
                Publish();
            }
        }
    }

    private void Publish() => _routes = new Routes(
        _all.Where(p => !p.Key.Topic.EndsWith('*')).GroupBy(p => p.Key.Topic).ToDictionary(g => g.Key, g => g.Select(p => (p.Key.AppId, p.Value)).ToArray()),
        [.. _all.Where(p => p.Key.Topic.EndsWith('*')).Select(p => (p.Key.Topic[..^1], p.Key.AppId, p.Value))]);

    private async ValueTask CarryAsync(string publisher, string subscriber, Backlog backlog, Message message, CancellationToken cancellation)
    {
        var (met, delay) = faults.OfMessage(_place, publisher, subscriber);
        if (met == FaultKind.None)
        {
            await backlog.AddAsync(message, cancellation);
            await FreeAsync(backlog, backlog.Held, cancellation);
        }
        else if (!met.HasFlag(FaultKind.Lose))
        {
            var carried = CarryAsync(met, delay, backlog, message);
            if (delay == TimeSpan.Zero)
            {
                await carried.WaitAsync(cancellation);
            }
        }
    }

    /// <summary>Brings a message late, twice, or after the one that follows it; nobody waits for the late ones.</summary>
    private async Task CarryAsync(FaultKind met, TimeSpan delay, Backlog backlog, Message message)
    {
        if (delay > TimeSpan.Zero)
        {
            await faults.PauseAsync(delay);
        }

        for (var copies = met.HasFlag(FaultKind.Repeat) ? 2 : 1; copies > 0; copies--)
        {
            // Each copy is an object of its own, so that it can be told whether this one still waits.
            var copy = message with { };
            if (met.HasFlag(FaultKind.Reorder) && backlog.TryHold(copy))
            {
                _ = FreeInTimeAsync(backlog, copy);
                continue;
            }

            await backlog.AddAsync(copy, CancellationToken.None);
            await FreeAsync(backlog, backlog.Held, CancellationToken.None);
        }
    }

    private async Task FreeInTimeAsync(Backlog backlog, Message held)
    {
        await faults.PauseAsync(LongestReorder);
        await FreeAsync(backlog, held, CancellationToken.None);
    }

    private static async ValueTask FreeAsync(Backlog backlog, Message? held, CancellationToken cancellation)
    {
        if (held is not null && backlog.LetGo(held))
        {
            await backlog.AddAsync(held, cancellation);
        }
    }

    private sealed record Routes(Dictionary<string, (string AppId, Backlog Backlog)[]> Exact, (string Prefix, string AppId, Backlog Backlog)[] Wildcards);
}
