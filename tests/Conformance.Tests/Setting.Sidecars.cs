using System.Diagnostics;
using System.Globalization;
using System.Net;
using Dapr.Client;
using TestSupport;

namespace Conformance.Tests;

/// <summary>The sidecars that are not the embedded one, and what all of them need.</summary>
internal sealed partial class Setting
{
    private const string Given = "given";

    private static readonly Dictionary<string, string?> NoTokens = new() { ["DAPR_API_TOKEN"] = null, ["APP_API_TOKEN"] = null };

    /// <summary>Tokens for the sidecars that this test starts from now on; null: none.</summary>
    public static AsyncLocal<Dictionary<string, string?>?> Tokens { get; } = new();

    /// <summary>
    /// As <see cref="Sidecars"/>, and the sidecar of which addresses are given in the environment. For tests that need nothing but the
    /// app id <c>rec</c> and the components of <see cref="RecordedApp"/>.
    /// </summary>
    public static TheoryData<string> SidecarsAndGiven { get; } =
    [
        .. Sidecars,
        new TheoryDataRow<string>(Given) { Skip = GivenAddress("HTTP") is null ? "DAPR_CONFORMANCE_HTTP gives no address." : null },
    ];

    /// <summary>What every request must carry: the token of a given sidecar, if it wants one.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; } =
        Environment.GetEnvironmentVariable("DAPR_API_TOKEN") is { Length: > 0 } token
            ? new Dictionary<string, string> { ["dapr-api-token"] = token }
            : new Dictionary<string, string>();

    /// <summary>Where the app must listen; null: wherever it likes.</summary>
    public static int? AppPort(string sidecar) => sidecar == Given
        ? int.Parse(
            GivenAddress("APP_PORT") ?? throw new InvalidOperationException("DAPR_CONFORMANCE_APP_PORT must say where the given sidecar looks for its app."),
            CultureInfo.InvariantCulture)
        : null;

    /// <summary>The official SDK, talking to this sidecar.</summary>
    public DaprClient Client(string? token = null)
    {
        var builder = new DaprClientBuilder().UseHttpEndpoint(Http.ToString()).UseGrpcEndpoint(Grpc.ToString());
        return (token ?? Headers.GetValueOrDefault("dapr-api-token")) is { } given ? builder.UseDaprApiToken(given).Build() : builder.Build();
    }

    private static string? GivenAddress(string what) => Environment.GetEnvironmentVariable("DAPR_CONFORMANCE_" + what) is { Length: > 0 } value ? value : null;

    private static async Task<Setting> ReadyAsync(Setting setting)
    {
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

    private static string? OnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Select(folder => Path.Combine(folder, OperatingSystem.IsWindows() ? program + ".exe" : program))
            .FirstOrDefault(File.Exists);

    private sealed class Nothing : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    /// <summary>
    /// A real <c>daprd</c>, with a placement service of its own when that is on the PATH too; else with the one at the usual place, or at
    /// <c>DAPR_PLACEMENT_HOST_ADDRESS</c>. The scheduler likewise.
    /// </summary>
    private sealed class DaprdProcess : IAsyncDisposable
    {
        private readonly List<Process> _processes = [];

        public static async Task<DaprdProcess> StartAsync(TemporaryFolder folder, string appId, int appPort, int http, int grpc)
        {
            var daprd = new DaprdProcess();
            var placement = Environment.GetEnvironmentVariable("DAPR_PLACEMENT_HOST_ADDRESS") ?? "localhost:50005";
            if (OnPath("placement") is { } program)
            {
                var port = FreePorts.Next();
                placement = $"localhost:{Text(port)}";
                daprd.Start(program, folder, "--port", Text(port), "--healthz-port", Text(FreePorts.Next()), "--enable-metrics=false", "--log-level", "error");
                await Eventually.True(() => ListensAsync(port), "placement answers");
            }

            daprd.Start(
                OnPath("daprd")!, folder,
                "--app-id", appId, "--app-port", Text(appPort), "--dapr-http-port", Text(http), "--dapr-grpc-port", Text(grpc),
                "--dapr-internal-grpc-port", Text(FreePorts.Next()), "--metrics-port", Text(FreePorts.Next()),
                "--resources-path", folder.At("resources"), "--log-level", "error",
                "--placement-host-address", placement,
                "--scheduler-host-address", Environment.GetEnvironmentVariable("DAPR_SCHEDULER_HOST_ADDRESS") ?? "localhost:50006");
            return daprd;
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var process in Enumerable.Reverse(_processes))
            {
                if (!process.HasExited)
                {
                    Signals.Terminate(process.Id);
                    await Task.WhenAny(process.WaitForExitAsync(), Task.Delay(TimeSpan.FromSeconds(10)));
                    process.Kill(entireProcessTree: true);
                }

                process.Dispose();
            }
        }

        private void Start(string program, TemporaryFolder folder, params string[] arguments)
        {
            // Relative paths in component files are below the working directory.
            var info = new ProcessStartInfo(program, arguments) { WorkingDirectory = folder.Location };
            foreach (var (name, value) in Tokens.Value ?? NoTokens)
            {
                info.Environment[name] = value;
            }

            _processes.Add(Process.Start(info)!);
        }

        private static async Task<bool> ListensAsync(int port)
        {
            using var client = new System.Net.Sockets.TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, port);
            return true;
        }

        private static string Text(int port) => port.ToString(CultureInfo.InvariantCulture);
    }
}
