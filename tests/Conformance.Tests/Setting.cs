using System.Globalization;
using TestSupport;

namespace Conformance.Tests;

/// <summary>
/// A sidecar beside an app of the test, with the components of the test: the embedded one, or a real <c>daprd</c> when one
/// is on the PATH, or one whose addresses are given. Tests know only its addresses.
/// </summary>
internal sealed partial class Setting : IAsyncDisposable
{
    /// <summary>The embedded sidecar, the only one that can behave as other stores do.</summary>
    public const string Embedded = "embedded";

    private const string Real = "daprd";

    private readonly TemporaryFolder _folder;
    private readonly IAsyncDisposable _sidecar;

    private Setting(TemporaryFolder folder, IAsyncDisposable sidecar, Uri http, Uri grpc)
    {
        _folder = folder;
        _sidecar = sidecar;
        Http = http;
        Grpc = grpc;
    }

    /// <summary>What can be tested; what this machine lacks is skipped with the reason.</summary>
    public static TheoryData<string> Sidecars { get; } =
    [
        new TheoryDataRow<string>(Embedded),
        new TheoryDataRow<string>(Real) { Skip = Daprd.Missing },
    ];

    public Uri Http { get; }

    public Uri Grpc { get; }

    /// <summary>Starts a sidecar for an app that runs already, and waits until it has found the app.</summary>
    /// <param name="sidecar">One of <see cref="Sidecars"/>.</param>
    /// <param name="resources">Documents of the resource folder.</param>
    public static Task<Setting> StartAsync(string sidecar, string appId, int appPort, params string[] resources) =>
        StartAsync(sidecar, appId, appPort, (FreePorts.Next(), FreePorts.Next()), resources);

    /// <summary>The same with ports of the caller's choice, for apps that must know them before.</summary>
    public static async Task<Setting> StartAsync(
        string sidecar, string appId, int appPort, (int Http, int Grpc) ports, params string[] resources)
    {
        if (sidecar == Given)
        {
            return await ReadyAsync(new Setting(new TemporaryFolder(), new Nothing(), new Uri(GivenAddress("HTTP")!), new Uri(GivenAddress("GRPC")!)));
        }

        return await ReadyAsync(await LaunchAsync(sidecar, appId, appPort, ports, resources));
    }

    /// <summary>Starts a sidecar and waits for nothing.</summary>
    public static async Task<Setting> LaunchAsync(string sidecar, string appId, int appPort, (int Http, int Grpc) ports, params string[] resources)
    {
        var folder = new TemporaryFolder();
        for (var i = 0; i < resources.Length; i++)
        {
            folder.Write($"resources/{i.ToString(CultureInfo.InvariantCulture)}.yaml", resources[i]);
        }

        var (http, grpc) = ports;
        return new Setting(
            folder,
            sidecar == Embedded
                ? LaunchEmbedded(folder, appId, appPort, http, grpc)
                : await LaunchDaprdAsync(folder, appId, appPort, http, grpc),
            new Uri($"http://127.0.0.1:{http}"), new Uri($"http://127.0.0.1:{grpc}"));
    }

    public async ValueTask DisposeAsync()
    {
        await _sidecar.DisposeAsync();
        _folder.Dispose();
    }

    private static RunningHost LaunchEmbedded(TemporaryFolder folder, string appId, int appPort, int http, int grpc)
    {
        var file = folder.Write("dapr.yaml", $"""
            version: 1
            common:
              resourcesPaths: [./resources]
            apps:
              - appID: {appId}
                appDirPath: .
                appPort: {appPort}
                daprHTTPPort: {http}
                daprGRPCPort: {grpc}
            """);
        return RunningHost.Launch(new HostStart { RunFile = file, Environment = Tokens.Value ?? NoTokens });
    }
}
