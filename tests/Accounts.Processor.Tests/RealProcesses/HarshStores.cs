using EventLog;
using Grpc.Net.Client;
using TestSupport;
using Autogen = Dapr.Client.Autogen.Grpc.v1;

namespace Accounts.Processor.Tests.RealProcesses;

/// <summary>A sidecar without an app, with one state store for each way in which Dapr's stores differ.</summary>
public sealed class HarshStores : IAsyncLifetime
{
    // "singly" is SQLite again, used without transactions and bulk reads.
    public static readonly string[] Names = ["sqlite", "postgresql", "redis", "mysql", "singly"];

    private readonly TemporaryFolder _folder = new();
    private RunningHost? _host;
    private GrpcChannel? _channel;

    public async ValueTask InitializeAsync()
    {
        foreach (var name in Names)
        {
            _folder.Write($"components/{name}.yaml", $"""
                apiVersion: dapr.io/v1alpha1
                kind: Component
                metadata:
                  name: {name}
                spec:
                  type: state.sqlite
                  version: v1
                  metadata:
                    - name: connectionString
                      value: {name}.db
                {(name is "sqlite" or "singly" ? "" : $"    - name: behaveAs\n      value: {name}")}
                """);
        }

        var run = _folder.Write("dapr.yaml", """
            version: 1
            common:
              resourcesPaths: [./components]
            apps:
              - appID: views
                appDirPath: .
            """);
        _host = await RunningHost.StartAsync(new HostStart { RunFile = run });
        _channel = GrpcChannel.ForAddress(_host["views"].DaprGrpc);
    }

    public IStateStore Store(string name) => new DaprStateStore(
        new Autogen.Dapr.DaprClient(_channel!), name, TimeSpan.FromSeconds(10),
        name == "singly" ? new StoreUse { Transactions = false, BulkReads = false } : null);

    public async ValueTask DisposeAsync()
    {
        _channel?.Dispose();
        if (_host is not null)
        {
            await _host.DisposeAsync();
        }

        _folder.Dispose();
    }
}
