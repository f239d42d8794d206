using System.Net;
using Dapr.Client;
using TestSupport;

namespace Conformance.Tests;

/// <summary>The sidecars of the repository's run file, with its files and flags, on free ports; the tests play the apps.</summary>
internal sealed class OurSidecars : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<RecordingApp> _apps = [];
    private readonly Dictionary<string, Addresses> _addresses = [];
    private IAsyncDisposable? _sidecars;

    private OurSidecars()
    {
    }

    public Addresses this[string app] => _addresses[app];

    /// <summary>Starts them beside the apps, and waits until they have found them.</summary>
    /// <param name="sidecar">One of <see cref="Setting.Sidecars"/>.</param>
    /// <param name="subscriptions">What an app answers to <c>/dapr/subscribe</c>, by its id; the others have nothing to say.</param>
    public static async Task<OurSidecars> StartAsync(string sidecar, IReadOnlyDictionary<string, string> subscriptions)
    {
        var started = new OurSidecars();
        try
        {
            await started.RunAsync(sidecar, subscriptions);
            return started;
        }
        catch
        {
            await started.DisposeAsync();
            throw;
        }
    }

    /// <summary>What the app was asked.</summary>
    public RecordingApp App(string app) => _apps.Single(playing => playing.Port == _addresses[app].AppPort);

    public async ValueTask DisposeAsync()
    {
        if (_sidecars is not null)
        {
            await _sidecars.DisposeAsync();
        }

        foreach (var app in _apps)
        {
            await app.DisposeAsync();
        }

        _folder.Dispose();
    }

    private async Task RunAsync(string sidecar, IReadOnlyDictionary<string, string> subscriptions)
    {
        var embedded = sidecar == Setting.Embedded;
        var runFile = RunFileCopy.Write(_folder.Location, startedElsewhere: true, components: embedded ? "local" : ComponentSet.OnDaprd);
        var lines = DaprdArguments.Of(runFile).ToList();
        foreach (var line in lines)
        {
            var app = DaprdArguments.After(line, "--app-id");
            var addresses = new Addresses(Port(line, "--app-port"), Port(line, "--dapr-http-port"), Port(line, "--dapr-grpc-port"));
            _addresses[app] = addresses;
            _apps.Add(await RecordingApp.StartAsync(subscriptions.GetValueOrDefault(app), null, port: addresses.AppPort));
        }

        if (embedded)
        {
            _sidecars = await RunningHost.StartAsync(new HostStart { RunFile = runFile, Environment = Setting.NoTokens });
        }
        else
        {
            var dapr = new Daprd(_folder.Location, Setting.NoTokens);
            _sidecars = dapr;
            await dapr.PlacementAnswersAsync();
            lines.ForEach(dapr.StartSidecar);
        }

        using var http = new HttpClient();
        foreach (var addresses in _addresses.Values)
        {
            await Eventually.True(
                async () => (await http.GetAsync(new Uri(addresses.Http, "/v1.0/healthz"))).StatusCode == HttpStatusCode.NoContent,
                "the sidecar has found its app", TimeSpan.FromSeconds(30));
        }

        static int Port(IReadOnlyList<string> line, string flag) =>
            int.Parse(DaprdArguments.After(line, flag), System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>Where an app and its sidecar are.</summary>
    internal sealed record Addresses(int AppPort, int HttpPort, int GrpcPort)
    {
        public Uri Http => new($"http://127.0.0.1:{HttpPort}");

        /// <summary>The official SDK, talking to this sidecar.</summary>
        public DaprClient Client() => new DaprClientBuilder().UseHttpEndpoint(Http.ToString()).UseGrpcEndpoint($"http://127.0.0.1:{GrpcPort}").Build();
    }
}
