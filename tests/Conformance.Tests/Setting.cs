using System.Diagnostics;
using System.Globalization;
using System.Net;
using TestSupport;

namespace Conformance.Tests;

/// <summary>
/// A sidecar beside an app of the test, with the components of the test: the embedded one, or a real <c>daprd</c> when one
/// is on the PATH (placement and scheduler are expected at their usual places). Tests know only its addresses.
/// </summary>
internal sealed class Setting : IAsyncDisposable
{
    private const string Embedded = "embedded";
    private const string Daprd = "daprd";

    private readonly TemporaryFolder _folder;
    private readonly IAsyncDisposable _sidecar;

    private Setting(TemporaryFolder folder, IAsyncDisposable sidecar, Uri http, Uri grpc)
    {
        _folder = folder;
        _sidecar = sidecar;
        Http = http;
        Grpc = grpc;
    }

    /// <summary>What there is to test on this machine.</summary>
    public static TheoryData<string> Sidecars { get; } = FindDaprd() is null ? [Embedded] : [Embedded, Daprd];

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
        var folder = new TemporaryFolder();
        for (var i = 0; i < resources.Length; i++)
        {
            folder.Write($"resources/{i.ToString(CultureInfo.InvariantCulture)}.yaml", resources[i]);
        }

        var (http, grpc) = ports;
        var setting = new Setting(
            folder,
            sidecar == Embedded
                ? await StartEmbeddedAsync(folder, appId, appPort, http, grpc)
                : new DaprdProcess(folder.At("resources"), appId, appPort, http, grpc),
            new Uri($"http://127.0.0.1:{http}"), new Uri($"http://127.0.0.1:{grpc}"));
        try
        {
            using var client = new HttpClient();
            await Eventually.True(
                async () => (await client.GetAsync(new Uri(setting.Http, "/v1.0/healthz"))).StatusCode == HttpStatusCode.NoContent,
                "the sidecar has found its app", TimeSpan.FromSeconds(30));
            return setting;
        }
        catch
        {
            await setting.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _sidecar.DisposeAsync();
        _folder.Dispose();
    }

    private static async Task<RunningHost> StartEmbeddedAsync(TemporaryFolder folder, string appId, int appPort, int http, int grpc)
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
        return await RunningHost.StartAsync(new HostStart { RunFile = file });
    }

    private static string? FindDaprd() =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Select(folder => Path.Combine(folder, OperatingSystem.IsWindows() ? "daprd.exe" : "daprd"))
            .FirstOrDefault(File.Exists);

    private sealed class DaprdProcess : IAsyncDisposable
    {
        private readonly Process _process;

        public DaprdProcess(string resources, string appId, int appPort, int http, int grpc)
        {
            var info = new ProcessStartInfo(FindDaprd()!,
            [
                "--app-id", appId, "--app-port", Text(appPort), "--dapr-http-port", Text(http), "--dapr-grpc-port", Text(grpc),
                "--dapr-internal-grpc-port", Text(FreePorts.Next()), "--metrics-port", Text(FreePorts.Next()),
                "--resources-path", resources, "--log-level", "error",
                "--placement-host-address", Environment.GetEnvironmentVariable("DAPR_PLACEMENT_HOST_ADDRESS") ?? "localhost:50005",
                "--scheduler-host-address", Environment.GetEnvironmentVariable("DAPR_SCHEDULER_HOST_ADDRESS") ?? "localhost:50006",
            ]);
            _process = Process.Start(info)!;
        }

        public async ValueTask DisposeAsync()
        {
            if (!_process.HasExited)
            {
                Signals.Terminate(_process.Id);
                await Task.WhenAny(_process.WaitForExitAsync(), Task.Delay(TimeSpan.FromSeconds(10)));
                _process.Kill(entireProcessTree: true);
            }

            _process.Dispose();
        }

        private static string Text(int port) => port.ToString(CultureInfo.InvariantCulture);
    }
}
