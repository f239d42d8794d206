using Microsoft.Extensions.Logging;
using Sidecar.Configuration;
using Sidecar.Resiliency;
using Sidecar.Server;

namespace Sidecar.PubSub;

/// <summary>An app's side of pub/sub: its components for publishing, and its subscriptions while the app is well.</summary>
internal sealed partial class PubSubRuntime
{
    private readonly AppSidecar _sidecar;
    private readonly ILogger _log;
    private readonly Policies _policies;
    private readonly Dictionary<string, PubSubComponent> _components;
    private IReadOnlyList<Consumer> _consumers = [];
    private IReadOnlyList<ReadySubscription>? _own;

    public PubSubRuntime(AppSidecar sidecar)
    {
        _sidecar = sidecar;
        _log = sidecar.Neighbourhood.Loggers.CreateLogger("sidecar." + sidecar.App.AppId);
        _policies = sidecar.Policies;
        _components = sidecar.Resources.Components
            .Where(c => c.Type.StartsWith("pubsub.", StringComparison.Ordinal))
            .ToDictionary(c => c.Name, c => new PubSubComponent(
                c, sidecar.App.AppId, sidecar.Neighbourhood.Shared(c.Name, () => new Broker(c.Name, sidecar.Neighbourhood.Faults)),
                _policies.Outbound(c.Name, "pubsub"), sidecar.Neighbourhood.Faults, sidecar.Neighbourhood.Time, Random.Shared));
    }

    /// <summary>The app's pub/sub components by name.</summary>
    public IReadOnlyDictionary<string, PubSubComponent> Components => _components;

    /// <summary>The subscriptions in force.</summary>
    public IReadOnlyList<Subscription> Subscriptions { get; private set; } = [];

    /// <summary>
    /// Starts to deliver. The app is asked for its subscriptions the first time only: later changes of its health find the
    /// same ones, as in Dapr.
    /// </summary>
    public async Task StartAsync(CancellationToken cancellation)
    {
        if (_sidecar.Channel is not { } channel || _components.Count == 0 || !_sidecar.AppIsHealthy)
        {
            return;
        }

        _own ??= await Discovery.AskAsync(_sidecar, _policies.Initialization, Warn, cancellation);
        var consumers = new List<Consumer>();
        var started = new List<Subscription>();
        foreach (var (subscription, routes) in Discovery.Merge(Declared(), _own ?? []))
        {
            if (!_components.TryGetValue(subscription.PubSubName, out var component))
            {
                Warn($"no pub/sub component {subscription.PubSubName} for a subscription to topic {subscription.Topic}");
            }
            else if (!component.MaySubscribe(subscription.Topic))
            {
                Warn($"subscription to topic '{subscription.Topic}' on pubsub '{component.Name}' is not allowed");
            }
            else
            {
                var consumer = new Consumer(
                    component, subscription, routes, channel, _policies.Inbound(component.Name), _sidecar.Neighbourhood.Time, Warn);
                consumer.Start();
                consumers.Add(consumer);
                started.Add(subscription);
            }
        }

        _consumers = consumers;
        Subscriptions = started;
    }

    /// <summary>
    /// Takes no more messages, and waits for the deliveries under way (30 s at most) unless the app is unwell: an app that
    /// hangs must not keep its other parts from stopping.
    /// </summary>
    public async Task StopAsync()
    {
        var consumers = Interlocked.Exchange(ref _consumers, []);
        var stopped = Task.WhenAll(consumers.Select(c => c.DisposeAsync().AsTask()));
        Subscriptions = [];
        if (_sidecar.AppIsHealthy)
        {
            await stopped;
        }
    }

    private IEnumerable<ReadySubscription> Declared()
    {
        foreach (var subscription in _sidecar.Resources.Subscriptions)
        {
            ReadySubscription? ready = null;
            try
            {
                ready = Discovery.Prepare(subscription);
            }
            catch (CelException e)
            {
                Warn($"{subscription.File}: the subscription to topic {subscription.Topic} is left out: {e.Message}");
            }

            if (ready is not null)
            {
                yield return ready;
            }
        }
    }

    private void Warn(string message) => LogWarning(_log, message);

    [LoggerMessage(LogLevel.Warning, "{Message}")]
    private static partial void LogWarning(ILogger log, string message);
}
