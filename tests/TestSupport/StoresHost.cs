namespace TestSupport;

/// <summary>A sidecar without an app, with one state store for each way in which Dapr's stores differ.</summary>
public sealed class StoresHost : IAsyncDisposable
{
    private const string App = "stores";
    private readonly TemporaryFolder _folder = new();
    private RunningHost? _host;

    /// <summary>The components. The last one is SQLite again, for use without transactions and bulk reads.</summary>
    public static IReadOnlyList<string> Names { get; } = ["sqlite", "postgresql", "redis", "mysql", Singly];

    /// <summary>The component that is to be used without transactions and bulk reads.</summary>
    public const string Singly = "singly";

    /// <summary>Where the sidecar speaks gRPC.</summary>
    public Uri Grpc => _host![App].DaprGrpc;

    public async Task StartAsync()
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
                {(name is "sqlite" or Singly ? "" : $"    - name: behaveAs\n      value: {name}")}
                """);
        }

        var run = _folder.Write("dapr.yaml", $"""
            version: 1
            common:
              resourcesPaths: [./components]
            apps:
              - appID: {App}
                appDirPath: .
            """);
        _host = await RunningHost.StartAsync(new HostStart { RunFile = run });
    }

    public async ValueTask DisposeAsync()
    {
        if (_host is not null)
        {
            await _host.DisposeAsync();
        }

        _folder.Dispose();
    }
}
