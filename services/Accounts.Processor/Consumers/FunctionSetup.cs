using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Accounts.Contracts;
using Accounts.Processor.Functions;
using Accounts.Processor.Users;
using Dapr.Client;
using EventLog;
using ServiceDefaults;
using Autogen = Dapr.Client.Autogen.Grpc.v1;

namespace Accounts.Processor.Consumers;

/// <summary>How the parts are put together, and the addresses that the sidecar calls.</summary>
internal static class FunctionSetup
{
    private static readonly TimeSpan CommandTimeout = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Settings: <c>Functions</c> and <c>Onboarding:Enabled</c> (<see cref="FunctionList.Hosted"/>), <c>CommandAppId</c>, the app that
    /// takes the policies' commands, and <c>DeadLetters:Enabled</c>: false where the component of the broker serves one topic only.
    /// </summary>
    public static void AddFunctions(this WebApplicationBuilder builder)
    {
        var configuration = builder.Configuration;
        var hosted = FunctionList.Hosted(configuration);
        var services = builder.Services;
        var log = new LogOptions { Store = Components.EventLog };
        services.AddLogReader(log);
        services.AddPartitionRoutes($"{configuration["APP_ID"] ?? AppIds.Processor}.consumer");
        services.AddSingleton(provider =>
        {
            var routes = provider.GetRequiredService<PartitionRoutes>();
            var host = new FunctionHost(
                hosted,
                provider.StateStore(Components.EventLog, log.StoreTimeout),
                provider.StateStore(Components.Views, log.StoreTimeout),
                routes,
                CommandClient(configuration["CommandAppId"] ?? AppIds.Command, configuration["DAPR_API_TOKEN"]),
                provider.GetRequiredService<Autogen.Dapr.DaprClient>(),
                provider.GetRequiredService<IMeterFactory>().Create(Telemetry.Name),
                provider.GetRequiredService<TimeProvider>(),
                Random.Shared,
                provider.GetRequiredService<ILogger<FunctionHost>>());
            routes.Receive = host.ReceiveAsync;
            return host;
        });
        if (hosted.Contains(UserDeletion.Function))
        {
            services.AddHostedService<DeadLetterReplays>();
            services.AddSingleton(provider => new UserDeletions(
                provider.GetRequiredService<LogReader>(),
                provider.StateStore(Components.Views, log.StoreTimeout),
                CommandClient(configuration["CommandAppId"] ?? AppIds.Command, configuration["DAPR_API_TOKEN"]),
                provider.GetRequiredService<TimeProvider>(),
                Random.Shared,
                provider.GetRequiredService<ILogger<UserDeletions>>()));
        }

        services.AddHostedService(provider => provider.GetRequiredService<FunctionHost>());
        services.AddSingleton(provider => new OpenCheck(() => provider.GetRequiredService<FunctionHost>().IsOpen));
        services.AddReadinessCheck("functions", provider =>
        {
            var host = provider.GetRequiredService<FunctionHost>();
            return _ => Task.FromResult(host.NotReady);
        });
    }

    public static void MapFunctions(this WebApplication app)
    {
        // What others publish is read with its envelope: type and id count.
        app.UseWhen(context => context.Request.Path.Value is not (UserEvents.Path or UserEvents.DeadPath), others => others.UseCloudEvents());
        app.MapSubscribeHandler().ExcludeFromDescription();
        app.MapActorsHandlers();
        app.MapPost("/wake-ups", (WakeUp wakeUp, FunctionHost host) =>
        {
            host.Wake(wakeUp);
            return TypedResults.Ok();
        }).WithTopic(Components.Wakeups, Topics.AccountLog).ExcludeFromDescription();
        if (app.Services.GetService<UserDeletions>() is { } deletions)
        {
            var causes = new ConcurrentDictionary<string, string>();
            app.MapUserEvents(deletions, causes);
            if (app.Configuration.GetValue("DeadLetters:Enabled", true))
            {
                app.MapDeadUserEvents(causes);
            }
        }
    }

    private static HttpClient CommandClient(string appId, string? token)
    {
        // Unlike the SDK's other clients, this one does not look for the token by itself.
        var client = DaprClient.CreateInvokeHttpClient(appId, daprApiToken: token);
        client.Timeout = CommandTimeout;
        return client;
    }
}
