namespace Sidecar.PubSub;

/// <summary>
/// The broker of one <c>pubsub.in-memory</c> component, shared by all sidecars of the host. This is a stated extension:
/// Dapr's lives inside one sidecar and reaches only that sidecar's app. Each app id with a live subscription gets each
/// message once, whichever of its replicas takes it; a message for which nobody is subscribed is lost.
/// </summary>
internal sealed class Broker
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Topic, string AppId), Backlog> _all = [];
    private volatile Routes _routes = new([], []);

    /// <summary>
    /// The one way into the broker, for every publisher and for dead letters: what makes brokers bad (loss, delay,
    /// repetition, reordering) is done here. Returns when every subscribed app has the message in its backlog.
    /// </summary>
    public async ValueTask PublishAsync(string topic, Message message, CancellationToken cancellation)
    {
        var routes = _routes;
        if (routes.Exact.TryGetValue(topic, out var subscribed))
        {
            foreach (var backlog in subscribed)
            {
                await backlog.AddAsync(message, cancellation);
            }
        }

        foreach (var (prefix, backlog) in routes.Wildcards)
        {
            if (topic.StartsWith(prefix, StringComparison.Ordinal))
            {
                await backlog.AddAsync(message, cancellation);
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
        _all.Where(p => !p.Key.Topic.EndsWith('*')).GroupBy(p => p.Key.Topic).ToDictionary(g => g.Key, g => g.Select(p => p.Value).ToArray()),
        [.. _all.Where(p => p.Key.Topic.EndsWith('*')).Select(p => (p.Key.Topic[..^1], p.Value))]);

    private sealed record Routes(Dictionary<string, Backlog[]> Exact, (string Prefix, Backlog Backlog)[] Wildcards);
}
