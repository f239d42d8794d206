using System.Collections.Concurrent;
using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using TestSupport;
using DaprClient = Dapr.Client.Autogen.Grpc.v1.Dapr.DaprClient;

namespace Sidecar.Tests;

public sealed class StateDurabilityTests
{
    [Fact]
    public async Task Every_acknowledged_save_survives_kill_9_of_the_host()
    {
        using var folder = new TemporaryFolder();
        var run = folder.Write("dapr.yaml", $"""
            version: 1
            common:
              resourcesPaths: [./resources]
            apps:
              - appID: app
                appDirPath: .
                daprHTTPPort: {FreePorts.Next()}
                daprGRPCPort: {FreePorts.Next()}
            """);
        folder.Write("resources/store.yaml", """
            apiVersion: dapr.io/v1alpha1
            kind: Component
            metadata: {name: store}
            spec: {type: state.sqlite, version: v1, metadata: [{name: connectionString, value: states.db}]}
            """);
        var start = new HostStart { RunFile = run, DataFolder = folder.At("data") };
        var acknowledged = new ConcurrentQueue<string>();

        await using (var host = await RunningHost.StartAsync(start, Token))
        {
            var client = Client(host);
            var writers = Enumerable.Range(0, 16).Select(writer => Task.Run(async () =>
            {
                for (var i = 0; ; i++)
                {
                    var key = $"{writer}-{i}";
                    var item = new StateItem
                    {
                        Key = key,
                        Value = ByteString.CopyFromUtf8(key),
                        Options = new StateOptions { Concurrency = StateOptions.Types.StateConcurrency.ConcurrencyFirstWrite },
                    };
                    await client.SaveStateAsync(new SaveStateRequest { StoreName = "store", States = { item } }, cancellationToken: Token);
                    acknowledged.Enqueue(key);
                }
            }, Token)).ToArray();
            await Eventually.True(() => acknowledged.Count > 1000, "a thousand saves are acknowledged");
            await host.KillAsync();
            await Assert.ThrowsAsync<RpcException>(() => Task.WhenAll(writers));
        }

        await using var again = await RunningHost.StartAsync(start, Token);
        var reader = Client(again);
        foreach (var keys in acknowledged.Chunk(200))
        {
            var found = await reader.GetBulkStateAsync(new GetBulkStateRequest { StoreName = "store", Keys = { keys } }, cancellationToken: Token);
            Assert.All(found.Items, item => Assert.Equal(item.Key, item.Data.ToStringUtf8()));
        }
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static DaprClient Client(RunningHost host) => new(GrpcChannel.ForAddress(host["app"].DaprGrpc));
}
