using Sidecar.Actors;
using Sidecar.Configuration;
using Sidecar.Invocation;
using Sidecar.PubSub;
using Sidecar.Secrets;
using Sidecar.State;

namespace Sidecar.Server;

/// <summary>Which areas a sidecar is made of: their routes, their methods, and what runs only while the app is well.</summary>
internal sealed partial class AppSidecar
{
    /// <summary>
    /// What runs only while the app is well, in the order of starting. Actors come before subscriptions: a message may
    /// lead to an actor call at once.
    /// </summary>
    private IReadOnlyList<(Func<CancellationToken, Task> Start, Func<Task> Stop)> WhileWell =>
        [(Actors.StartAsync, Actors.StopAsync), (PubSub.StartAsync, PubSub.StopAsync)];

    private bool _started;

    /// <summary>The subscriptions in force, declared ones and the app's own, for the metadata.</summary>
    public IReadOnlyList<Subscription> ActiveSubscriptions => PubSub.Subscriptions;

    /// <summary>Every actor type that the app hosts, with how many of it are active here.</summary>
    public IReadOnlyList<(string Type, int Count)> ActiveActors => Actors.Active;

    /// <summary>Publishing and subscriptions.</summary>
    public PubSubRuntime PubSub { get; }

    /// <summary>The actors that live here, and calls to actors anywhere.</summary>
    public ActorRuntime Actors { get; }

    /// <summary>
    /// For the host, when the app's process has ended: without waiting for health probes its actors move to other
    /// replicas, and it gets no more messages and invocations until somebody starts it again.
    /// </summary>
    public Task AppDiedAsync()
    {
        _health?.AppDied();
        return Task.WhenAll(Actors.AppDiedAsync(), PubSub.StopAsync());
    }

    private void MapGrpc(GrpcMethods methods)
    {
        MetadataApi.Map(methods, this);
        InvocationApi.Map(methods, this);
        PublishApi.Map(methods, this);
        ActorApi.Map(methods, this);
        StateGrpcApi.Map(methods, this);
        SecretsApi.Map(methods, this);
        OutsideApi.Map(methods);
    }

    private void MapHttp(IEndpointRouteBuilder routes)
    {
        HealthApi.Map(routes, this);
        MetadataApi.Map(routes, this);
        PublishApi.Map(routes, this);
        ActorApi.Map(routes, this);
        StateHttpApi.Map(routes, this);
        SecretsApi.Map(routes, this);
        OutsideApi.Map(routes);
    }

    private Task UnknownPathAsync(HttpContext http) => InvocationApi.UnknownPathAsync(http, this);

    /// <summary>Called for every change of the app's health, one call after the other.</summary>
    private async Task AppChangedAsync(bool well)
    {
        if (well)
        {
            Log.AppIsHealthy(_log);
            _started = true;
            await StartAppPartsAsync();
            _discovered = true;
        }
        else
        {
            if (_started)
            {
                Log.AppIsUnwell(_log);
                await StopAppPartsAsync();
            }

            _started = false;
        }
    }

    private async Task StartAppPartsAsync()
    {
        foreach (var (start, _) in WhileWell)
        {
            await start(_stopping.Token);
        }
    }

    private async Task StopAppPartsAsync()
    {
        foreach (var (_, stop) in WhileWell.Reverse())
        {
            await stop();
        }
    }
}
