using Dapr.Client;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Proto = Dapr.Client.Autogen.Grpc.v1;

namespace ServiceDefaults;

/// <summary>The clients of the sidecar: the SDK's, and the generated one of its gRPC API, for what the SDK hides.</summary>
public static class SidecarClients
{
    private const int LargestAnswer = 16 << 20;

    // By default gRPC waits twice as long after each attempt to connect, up to two minutes: a sidecar that was away for one minute
    // would not be noticed for another.
    private static readonly TimeSpan FirstReconnect = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LastReconnect = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Adds a <see cref="DaprClient"/> and a <see cref="Proto.Dapr.DaprClient"/>. They find the sidecar as Dapr's SDK does, by
    /// <c>DAPR_GRPC_ENDPOINT</c>, else <c>DAPR_GRPC_PORT</c>, show it <c>DAPR_API_TOKEN</c>, and do not call it before they are used.
    /// </summary>
    public static IServiceCollection AddSidecarClients(this IServiceCollection services)
    {
        services.AddDaprClient((_, client) => client.UseGrpcChannelOptions(Options(throwsCancelled: true)));
        services.AddSingleton(provider => Open(provider.GetRequiredService<IConfiguration>()));
        return services.AddSingleton(provider =>
            new Proto.Dapr.DaprClient(Invoker(provider.GetRequiredService<GrpcChannel>(), provider.GetRequiredService<IConfiguration>()["DAPR_API_TOKEN"])));
    }

    private static GrpcChannel Open(IConfiguration configuration) => GrpcChannel.ForAddress(
        configuration["DAPR_GRPC_ENDPOINT"] is { Length: > 0 } endpoint ? new Uri(endpoint).GetLeftPart(UriPartial.Authority)
        : $"http://127.0.0.1:{(configuration["DAPR_GRPC_PORT"] is { Length: > 0 } port ? port : "50001")}",
        Options(throwsCancelled: false));

    private static GrpcChannelOptions Options(bool throwsCancelled) => new()
    {
        ThrowOperationCanceledOnCancellation = throwsCancelled,
        MaxReceiveMessageSize = LargestAnswer,
        InitialReconnectBackoff = FirstReconnect,
        MaxReconnectBackoff = LastReconnect,
    };

    private static CallInvoker Invoker(GrpcChannel channel, string? token) => string.IsNullOrEmpty(token)
        ? channel.CreateCallInvoker()
        : channel.Intercept(headers =>
        {
            headers.Add("dapr-api-token", token);
            return headers;
        });
}
