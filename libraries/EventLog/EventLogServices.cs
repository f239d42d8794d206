using System.Diagnostics.Metrics;
using Dapr.Actors.Client;
using Dapr.Client;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Autogen = Dapr.Client.Autogen.Grpc.v1;

namespace EventLog;

/// <summary>
/// Puts the log into a service's container. The service adds the clients of its sidecar itself: a <see cref="DaprClient"/> for
/// wake-ups, and the generated gRPC client for everything else (<c>AddSidecarClients</c> of ServiceDefaults adds both).
/// </summary>
public static class EventLogServices
{
    /// <summary>
    /// Adds <see cref="CommandLog{TState,TCommand,TEvent}"/>, opened and run in the background, and the actors that name
    /// its writers. The service must map the actors' handlers (<c>MapActorsHandlers</c>).
    /// </summary>
    public static IServiceCollection AddEventLog<TState, TCommand, TEvent>(
        this IServiceCollection services, Decider<TState, TCommand, TEvent> decider, LogOptions options)
        where TState : class
        where TCommand : class
        where TEvent : class
    {
        services.AddPartitionRoutes(options.ActorType);
        services.AddMetrics();
        services.AddSingleton(provider =>
        {
            var dapr = provider.GetRequiredService<DaprClient>();
            var log = provider.GetRequiredService<ILoggerFactory>().CreateLogger("EventLog");
            return new CommandLog<TState, TCommand, TEvent>(
                provider.StateStore(options.Store, options.StoreTimeout),
                provider.GetRequiredService<PartitionRoutes>(),
                decider,
                options,
                provider.GetRequiredService<IMeterFactory>().Create(options.Meter),
                partitions => new WakeUpSender(
                    (wakeUp, limit) => dapr.PublishEventAsync(options.PubSub, options.Topic, wakeUp, limit),
                    partitions, provider.GetRequiredService<TimeProvider>(), log).Send,
                provider.GetRequiredService<TimeProvider>(),
                () => Guid.NewGuid().ToString("N"),
                log);
        });
        services.AddHostedService<LogRunner<TState, TCommand, TEvent>>();
        return services;
    }

    /// <summary>Adds a <see cref="LogReader"/>.</summary>
    public static IServiceCollection AddLogReader(this IServiceCollection services, LogOptions options)
    {
        services.TryAddSingleton(TimeProvider.System);
        return services.AddSingleton(provider => new LogReader(
            provider.StateStore(options.Store, options.StoreTimeout), provider.GetRequiredService<TimeProvider>()));
    }

    /// <summary>Adds <see cref="PartitionRoutes"/> and registers their actor type, one per service.</summary>
    public static IServiceCollection AddPartitionRoutes(this IServiceCollection services, string actorType)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddActors(actors => actors.Actors.RegisterActor<PartitionActor>(actorType));
        services.AddSingleton(provider => PartitionRoutes.ThroughActors(actorType, provider.GetRequiredService<IActorProxyFactory>()));
        return services;
    }

    /// <summary>A state store component of this name, behind the service's sidecar. Settings: <c>State</c> (<see cref="StoreUse"/>).</summary>
    public static IStateStore StateStore(this IServiceProvider provider, string component, TimeSpan timeout) => new DaprStateStore(
        provider.GetRequiredService<Autogen.Dapr.DaprClient>(),
        component,
        timeout,
        provider.GetRequiredService<IConfiguration>().GetSection("State").Get<StoreUse>());

    private sealed class LogRunner<TState, TCommand, TEvent>(CommandLog<TState, TCommand, TEvent> log) : BackgroundService
        where TState : class
        where TCommand : class
        where TEvent : class
    {
        protected override Task ExecuteAsync(CancellationToken stoppingToken) => log.RunAsync(stoppingToken);
    }
}
