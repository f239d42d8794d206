using System.Net;
using System.Text;
using Dapr.Client.Autogen.Grpc.v1;
using Grpc.Net.Client;
using Sidecar.Configuration;
using Sidecar.Server;
using TestSupport;
using DaprClient = Dapr.Client.Autogen.Grpc.v1.Dapr.DaprClient;

namespace Sidecar.Tests;

/// <summary>Apps with their sidecars in one neighbourhood, all stopped at the end.</summary>
internal sealed class Street : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<AppSidecar> _sidecars = [];
    private readonly List<RecordingApp> _apps = [];
    private readonly List<GrpcChannel> _channels = [];
    private readonly HttpClient _http = new();

    public Street() => Neighbourhood = new Neighbourhood(_folder.Location, TimeProvider.System);

    public Neighbourhood Neighbourhood { get; private set; }

    public static Component PubSub(params (string Name, string Value)[] metadata) => new()
    {
        Name = "pubsub",
        Type = "pubsub.in-memory",
        Version = "v1",
        File = "pubsub.yaml",
        Metadata = metadata.ToDictionary(m => m.Name, m => m.Value),
    };

    public static Component ActorStore() => new()
    {
        Name = "store",
        Type = "state.in-memory",
        Version = "v1",
        File = "store.yaml",
        Metadata = new Dictionary<string, string> { ["actorStateStore"] = "true" },
    };

    /// <summary>Starts an app and its sidecar, and waits until the app has been found and asked.</summary>
    public async Task<(RecordingApp App, AppSidecar Sidecar)> MoveInAsync(
        string appId, RecordingApp app, Resources? resources = null, AppHealthCheck? health = null)
    {
        _apps.Add(app);
        var sidecar = await OpenAsync(
            new AppSpec { AppId = appId, Directory = "/", AppPort = app.Port, HealthCheck = health }, resources);
        await Eventually.True(() => sidecar.Ready, "the sidecar has found its app");
        return (app, sidecar);
    }

    /// <summary>Starts a sidecar without looking for its app.</summary>
    public async Task<AppSidecar> OpenAsync(AppSpec app, Resources? resources = null)
    {
        var sidecar = new AppSidecar(app, resources ?? new Resources([PubSub(), ActorStore()], [], []), Neighbourhood, new Tokens(null, null));
        await sidecar.StartAsync(CancellationToken.None);
        _sidecars.Add(sidecar);
        return sidecar;
    }

    /// <summary>Stops every sidecar, as when the host stops, and begins anew on the same data.</summary>
    public async Task RestartAsync()
    {
        await StopAsync();
        Neighbourhood = new Neighbourhood(_folder.Location, TimeProvider.System);
    }

    public async Task<HttpResponseMessage> SendAsync(
        AppSidecar sidecar, HttpMethod method, string path, string? body = null, string? contentType = "application/json",
        params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, $"http://127.0.0.1:{sidecar.App.HttpPort}{path}");
        if (body is not null)
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            request.Content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        }

        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return await _http.SendAsync(request, TestContext.Current.CancellationToken);
    }

    public async Task PublishAsync(AppSidecar sidecar, string topic, string json, string query = "")
    {
        using var response = await SendAsync(sidecar, HttpMethod.Post, $"/v1.0/publish/pubsub/{topic}{query}", json);
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
    }

    public DaprClient Grpc(AppSidecar sidecar)
    {
        var channel = GrpcChannel.ForAddress($"http://127.0.0.1:{sidecar.App.GrpcPort}");
        _channels.Add(channel);
        return new DaprClient(channel);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        foreach (var app in _apps)
        {
            await app.DisposeAsync();
        }

        _channels.ForEach(c => c.Dispose());
        _http.Dispose();
        _folder.Dispose();
    }

    private async Task StopAsync()
    {
        await Task.WhenAll(_sidecars.Select(s => s.StopAsync()));
        _sidecars.Clear();
        foreach (var made in Neighbourhood.Made)
        {
            (made as IDisposable)?.Dispose();
            if (made is IAsyncDisposable asynchronous)
            {
                await asynchronous.DisposeAsync();
            }
        }
    }
}
