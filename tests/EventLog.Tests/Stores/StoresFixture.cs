using Grpc.Net.Client;
using TestSupport;
using Autogen = Dapr.Client.Autogen.Grpc.v1;

namespace EventLog.Tests.Stores;

/// <summary>Tests that share the sidecar of <see cref="StoresFixture"/>.</summary>
[CollectionDefinition(Name)]
public sealed class OnRealStores : ICollectionFixture<StoresFixture>
{
    public const string Name = "stores";
}

/// <summary>The stores of <see cref="StoresHost"/>.</summary>
public sealed class StoresFixture : IAsyncLifetime
{
    private readonly StoresHost _host = new();
    private GrpcChannel? _channel;

    public async ValueTask InitializeAsync()
    {
        await _host.StartAsync();
        _channel = GrpcChannel.ForAddress(_host.Grpc);
    }

    public IStateStore Store(string name) => new DaprStateStore(
        new Autogen.Dapr.DaprClient(_channel!), name, TimeSpan.FromSeconds(10),
        name == StoresHost.Singly ? new StoreUse { Transactions = false, BulkReads = false } : null);

    public async ValueTask DisposeAsync()
    {
        _channel?.Dispose();
        await _host.DisposeAsync();
    }
}
