using Sidecar.Configuration;
using Sidecar.Faults;
using Sidecar.Resiliency;

namespace Sidecar.PubSub;

/// <summary>A pub/sub component as one app sees it: the shared broker, and the topics that the app may use.</summary>
internal sealed class PubSubComponent
{
    private readonly Broker _broker;
    private readonly FaultSwitches _faults;
    private readonly Random _chance;
    private readonly Policy _outbound;
    private readonly string[] _allowed;
    private readonly string[] _protected;
    private readonly IReadOnlyList<string> _publishing;
    private readonly IReadOnlyList<string> _subscribing;

    public PubSubComponent(Component component, string appId, Broker broker, Policy outbound, FaultSwitches faults, TimeProvider time, Random chance)
    {
        _faults = faults;
        Name = component.Name;
        AppId = appId;
        _broker = broker;
        _outbound = outbound;
        Time = time;
        _chance = chance;
        _allowed = Topics(Setting("allowedTopics"));
        _protected = Topics(Setting("protectedTopics"));
        _publishing = Scope(Setting("publishingScopes"));
        _subscribing = Scope(Setting("subscriptionScopes"));

        string? Setting(string name) =>
            component.Metadata.FirstOrDefault(m => string.Equals(m.Key, name, StringComparison.OrdinalIgnoreCase)).Value;

        IReadOnlyList<string> Scope(string? value) =>
        [
            .. (value ?? "").Replace(" ", "", StringComparison.Ordinal).Split(';').Select(a => a.Split('='))
                .Where(a => a.Length > 1 && a[0] == appId).SelectMany(a => a[1].Split(',')),
        ];
    }

    public string Name { get; }

    public string AppId { get; }

    /// <summary>The clock of the host.</summary>
    public TimeProvider Time { get; }

    /// <summary>Whether the component's scopes let the app publish to a topic.</summary>
    public bool MayPublish(string topic) => MayUse(topic, _publishing);

    /// <summary>Whether the component's scopes let the app subscribe to a topic.</summary>
    public bool MaySubscribe(string topic) => MayUse(topic, _subscribing);

    /// <summary>
    /// Publishes one message, under the component's outbound policy.
    /// </summary>
    /// <exception cref="PublishException">The broker failed, or the outbound policy's time-out passed while a subscriber was too far behind.</exception>
    public async Task PublishAsync(string topic, Message message, CancellationToken cancellation)
    {
        var failure = _outbound == Policy.None
            ? await TryPublishAsync(topic, message, cancellation)
            : await _outbound.RunAsync(
                token => TryPublishAsync(topic, message, token),
                why => why is null ? Verdict.Done : Verdict.Again, "context deadline exceeded", Time, cancellation, cancellation);
        if (failure is not null)
        {
            throw new PublishException(failure);
        }
    }

    /// <summary>Publishes many messages at once, in no order at all: Dapr publishes them side by side.</summary>
    public Task PublishAllAsync(string topic, Message[] messages, CancellationToken cancellation)
    {
        _chance.Shuffle(messages);
        return Parallel.ForEachAsync(
            messages,
            new ParallelOptions { MaxDegreeOfParallelism = 100, CancellationToken = cancellation },
            async (message, token) => await PublishAsync(topic, message, token));
    }

    /// <summary>See <see cref="Broker.Subscribe"/>.</summary>
    public Backlog Subscribe(string topic) => _broker.Subscribe(topic, AppId);

    /// <summary>See <see cref="Broker.Unsubscribe"/>.</summary>
    public void Unsubscribe(string topic) => _broker.Unsubscribe(topic, AppId);

    /// <summary>Returns when messages may be delivered to the app: at once, unless a fault blocks the component.</summary>
    public async ValueTask DeliverableAsync(CancellationToken cancellation) =>
        await _faults.MeetAsync(Place, AppId, FaultKind.Block, cancellation);

    private string Place => field ??= Fault.PubSub(Name);

    private async Task<string?> TryPublishAsync(string topic, Message message, CancellationToken cancellation)
    {
        var met = await _faults.MeetAsync(Place, AppId, FaultKind.Block | FaultKind.FailBefore | FaultKind.FailAfter, cancellation);
        if (!met.HasFlag(FaultKind.FailBefore))
        {
            await _broker.PublishAsync(AppId, topic, message, cancellation);
        }

        return met.HasFlag(FaultKind.FailBefore) ? FaultSwitches.Words(Place, FaultKind.FailBefore)
            : met.HasFlag(FaultKind.FailAfter) ? FaultSwitches.Words(Place, FaultKind.FailAfter)
            : null;
    }

    private bool MayUse(string topic, IReadOnlyList<string> scope) =>
        (_allowed.Length == 0 || _allowed.Contains(topic))
        && ((scope.Count == 0 && !_protected.Contains(topic)) || scope.Contains(topic));

    private static string[] Topics(string? value) =>
        string.IsNullOrEmpty(value) ? [] : value.Replace(" ", "", StringComparison.Ordinal).Split(',');
}

/// <summary>The broker did not take a message, or did not say so.</summary>
internal sealed class PublishException(string message) : Exception(message);
