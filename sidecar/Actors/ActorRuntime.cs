using Microsoft.Extensions.Logging;
using Sidecar.PubSub;
using Sidecar.Resiliency;
using Sidecar.Server;

namespace Sidecar.Actors;

/// <summary>An app's side of actors: the types that it hosts while it is well, and its calls to actors anywhere.</summary>
internal sealed partial class ActorRuntime
{
    private readonly AppSidecar _sidecar;
    private readonly ILogger _log;
    private readonly Policies _policies;
    private readonly Placement _placement;
    private ActorHost? _host;
    private IReadOnlyDictionary<string, ActorConfig>? _types;

    public ActorRuntime(AppSidecar sidecar)
    {
        var neighbourhood = sidecar.Neighbourhood;
        _sidecar = sidecar;
        _log = neighbourhood.Loggers.CreateLogger("sidecar." + sidecar.App.AppId);
        _policies = sidecar.Policies;
        _placement = neighbourhood.Shared("", () => new Placement(neighbourhood.Time, neighbourhood.Faults));
        Timers = new Timers(_placement, _policies, neighbourhood.Time);
    }

    /// <summary>The types that this replica hosts now, each with the number of its active actors.</summary>
    public IReadOnlyList<(string Type, int Count)> Active =>
        _host is { } host && _types is { } types ? [.. types.Keys.Select(t => (t, _placement.Type(t).Count(host)))] : [];

    /// <summary>The timers set at this sidecar.</summary>
    public Timers Timers { get; }

    /// <summary>The reminders of the host; they begin to tick with the first app that hosts actors.</summary>
    public Reminders Reminders =>
        _sidecar.Neighbourhood.Shared("", () => new Reminders(_sidecar.Neighbourhood.DataFolder, _placement, _sidecar.Neighbourhood.Time));

    /// <summary>Whether the app has a state store that is marked <c>actorStateStore: "true"</c>; Dapr hosts no actors without.</summary>
    public bool HasStateStore => _sidecar.Resources.Components.Any(c => c.IsActorStateStore);

    /// <summary>Whether this replica hosts the type.</summary>
    public bool IsHosted(string type) => _host is not null && _types!.ContainsKey(type);

    /// <summary>Whether the actor is active on this replica.</summary>
    public bool IsActive(string type, string id) => _host is { } host && _placement.Type(type).IsActive(host, id);

    /// <summary>Calls an actor, wherever it lives.</summary>
    public Task<ActorResult> CallAsync(ActorCall call, CancellationToken cancellation) =>
        _placement.CallAsync(call, _policies, cancellation);

    /// <summary>
    /// Offers the app as host of its actor types, which it is asked for the first time only. Returns when the actors that
    /// now belong here have left the other replicas.
    /// </summary>
    public async Task StartAsync(CancellationToken cancellation)
    {
        if (_sidecar.Channel is null || _host is not null || !_sidecar.AppIsHealthy)
        {
            return;
        }

        if (_types is null)
        {
            if (await Discovery.AskAsync(_sidecar, "/dapr/config", _policies.Initialization, cancellation) is not { } answer)
            {
                Warn(_log, "The app could not be asked for its actor types.");
                return;
            }

            _types = ActorConfig.Read(answer);
        }

        if (_types.Count == 0)
        {
            return;
        }

        if (!HasStateStore)
        {
            Warn(_log, "The app has actor types, but none of its state stores has actorStateStore \"true\": they are not hosted.");
            return;
        }

        var host = new ActorHost(_sidecar, Timers);
        await Task.WhenAll(_types.Select(t => _placement.Type(t.Key).JoinAsync(new HostedType(host, t.Key, t.Value))));
        _host = host;
        _ = Reminders;
    }

    /// <summary>
    /// Gives the actors to the other replicas: calls under way may finish for as long as the app's drain time-out, then each
    /// actor is deactivated. Returns when they are gone.
    /// </summary>
    public Task StopAsync() => LeaveAsync(dead: false);

    /// <summary>
    /// The app's process has ended: its actors move at once, without drain and without a word to the app.
    /// </summary>
    public Task AppDiedAsync() => LeaveAsync(dead: true);

    private async Task LeaveAsync(bool dead)
    {
        if (Interlocked.Exchange(ref _host, null) is not { } host)
        {
            return;
        }

        Timers.Clear();
        await Task.WhenAll(_types!.Keys.Select(t => _placement.Type(t).LeaveAsync(host, dead)));
    }

    [LoggerMessage(LogLevel.Warning, "{Message}")]
    private static partial void Warn(ILogger log, string message);
}
