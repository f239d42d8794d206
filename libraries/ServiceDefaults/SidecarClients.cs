using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Proto = Dapr.Client.Autogen.Grpc.v1;

namespace ServiceDefaults;

/// <summary>The generated gRPC client of the Dapr API, once for everything in a service that calls it, the event log too.</summary>
internal static class SidecarChannel
{
    private const int LargestAnswer = 16 << 20;

    /// <summary>Finds the sidecar as Dapr's SDK does: by <c>DAPR_GRPC_ENDPOINT</c>, else <c>DAPR_GRPC_PORT</c>. Does not call it.</summary>
    public static void AddSidecarChannel(this IServiceCollection services)
    {
        services.TryAddSingleton(provider => Open(provider.GetRequiredService<IConfiguration>()));
        services.TryAddSingleton(provider =>
            new Proto.Dapr.DaprClient(Invoker(provider.GetRequiredService<GrpcChannel>(), provider.GetRequiredService<IConfiguration>()["DAPR_API_TOKEN"])));
    }

    private static GrpcChannel Open(IConfiguration configuration) => GrpcChannel.ForAddress(
        configuration["DAPR_GRPC_ENDPOINT"] is { Length: > 0 } endpoint ? new Uri(endpoint).GetLeftPart(UriPartial.Authority)
        : $"http://127.0.0.1:{(configuration["DAPR_GRPC_PORT"] is { Length: > 0 } port ? port : "50001")}",
        new GrpcChannelOptions { MaxReceiveMessageSize = LargestAnswer });

    private static CallInvoker Invoker(GrpcChannel channel, string? token) => string.IsNullOrEmpty(token)
        ? channel.CreateCallInvoker()
        : channel.Intercept(headers =>
        {
            headers.Add("dapr-api-token", token);
            return headers;
        });
}
