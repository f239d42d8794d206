using System.Globalization;
using System.Net;
using Dapr.Client;
using TestSupport;

namespace Conformance.Tests;

/// <summary>The sidecars that are not the embedded one, and what all of them need.</summary>
internal sealed partial class Setting
{
    private const string Given = "given";

    private static readonly SemaphoreSlim TheApp = new(1);

    /// <summary>The environment of sidecars without tokens.</summary>
    public static IReadOnlyDictionary<string, string?> NoTokens { get; } = new Dictionary<string, string?> { ["DAPR_API_TOKEN"] = null, ["APP_API_TOKEN"] = null };

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

    /// <summary>Waits until no other test plays the app of the given sidecar, which has one; others need not wait.</summary>
    public static async Task<IDisposable> TurnAsync(string sidecar)
    {
        if (sidecar != Given)
        {
            return new Turn(null);
        }

        await TheApp.WaitAsync();
        return new Turn(TheApp);
    }

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
            if (setting._sidecar is RunningHost host)
            {
                await host.ReadyAsync();
            }

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

    private sealed class Turn(SemaphoreSlim? at) : IDisposable
    {
        public void Dispose() => at?.Release();
    }

    private sealed class Nothing : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private static async Task<Daprd> LaunchDaprdAsync(TemporaryFolder folder, string appId, int appPort, int http, int grpc)
    {
        var dapr = new Daprd(folder.Location, Tokens.Value ?? NoTokens);
        await dapr.PlacementAnswersAsync();
        dapr.StartSidecar(
        [
            "--app-id", appId, "--app-port", Text(appPort), "--dapr-http-port", Text(http), "--dapr-grpc-port", Text(grpc),
            "--dapr-internal-grpc-port", Text(FreePorts.Next()), "--metrics-port", Text(FreePorts.Next()),
            "--resources-path", folder.At("resources"), "--log-level", "error",
        ]);
        return dapr;
    }

    private static string Text(int port) => port.ToString(CultureInfo.InvariantCulture);
}
