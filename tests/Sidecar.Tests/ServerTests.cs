using System.Net;
using Dapr.Client.Autogen.Grpc.v1;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Sidecar.Configuration;
using Sidecar.Server;
using DaprClient = Dapr.Client.Autogen.Grpc.v1.Dapr.DaprClient;

namespace Sidecar.Tests;

public sealed class ServerTests : IAsyncDisposable
{
    private readonly Neighbourhood _neighbourhood = new(Path.GetTempPath(), TimeProvider.System);
    private readonly List<IAsyncDisposable> _running = [];
    private readonly HttpClient _http = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Listens_on_both_loopbacks_at_a_port_of_its_own()
    {
        var sidecar = await StartAsync();

        Assert.NotEqual(0, sidecar.App.HttpPort);
        Assert.Equal(HttpStatusCode.NoContent, await StatusAsync($"http://127.0.0.1:{sidecar.App.HttpPort}/v1.0/healthz"));
        Assert.Equal(HttpStatusCode.NoContent, await StatusAsync($"http://[::1]:{sidecar.App.HttpPort}/v1.0/healthz"));
    }

    [Theory]
    [InlineData("//v1.0/healthz", HttpStatusCode.NoContent)]
    [InlineData("/v1.0/healthz/", HttpStatusCode.NoContent)]
    [InlineData("/v1.0/Healthz", HttpStatusCode.NotFound)]
    [InlineData("/v1.0/healthz?appid=app", HttpStatusCode.NoContent)]
    [InlineData("/v1.0/healthz?appid=other", HttpStatusCode.InternalServerError)]
    public async Task Reads_paths_as_Dapr_does(string path, HttpStatusCode status)
    {
        var sidecar = await StartAsync();

        Assert.Equal(status, await StatusAsync($"http://127.0.0.1:{sidecar.App.HttpPort}{path}"));
    }

    [Fact]
    public async Task Is_ready_only_when_the_app_has_been_found_but_for_outbound_calls_at_once()
    {
        var port = Ports.Free();
        var sidecar = await StartAsync(new AppSpec { AppId = "app", Directory = "/", AppPort = port });
        var address = $"http://127.0.0.1:{sidecar.App.HttpPort}/v1.0/healthz";

        Assert.Equal(HttpStatusCode.InternalServerError, await StatusAsync(address));
        Assert.Equal(HttpStatusCode.NoContent, await StatusAsync(address + "/outbound"));

        await StartAppAsync(port, http => http.Response.WriteAsync("hello"));
        await WaitForAsync(async () => await StatusAsync(address) == HttpStatusCode.NoContent);
        Assert.Equal(HttpStatusCode.NoContent, await StatusAsync(address));
    }

    [Fact]
    public async Task Only_callers_with_the_token_are_served_but_for_health()
    {
        var sidecar = await StartAsync(tokens: new Tokens("secret", null));
        var address = $"http://127.0.0.1:{sidecar.App.HttpPort}";
        var client = Client(sidecar);

        var refused = await _http.GetAsync(address + "/v1.0/metadata", Token);
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        Assert.Equal(HttpStatusCode.NoContent, await StatusAsync(address + "/v1.0/healthz"));
        var refusal = await Assert.ThrowsAsync<RpcException>(async () => await client.GetMetadataAsync(new GetMetadataRequest(), cancellationToken: Token));
        Assert.Equal(StatusCode.Unauthenticated, refusal.StatusCode);
        await client.GetMetadataAsync(new GetMetadataRequest(), new Metadata { { "dapr-api-token", "secret" } }, cancellationToken: Token);
    }

    [Fact]
    public async Task Unknown_gRPC_methods_are_taken_for_calls_to_be_proxied()
    {
        var sidecar = await StartAsync();
        var client = Client(sidecar);

        var unknown = await Assert.ThrowsAsync<RpcException>(async () => await client.ConverseAlpha2Async(new ConversationRequestAlpha2(), cancellationToken: Token));

        Assert.Equal(StatusCode.Unknown, unknown.StatusCode);
        Assert.Contains("required metadata dapr-callee-app-id or dapr-app-id not found", unknown.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Invokes_the_app_by_path_and_by_header_with_everything_passed_through()
    {
        var port = Ports.Free();
        await StartAppAsync(port, async http =>
        {
            http.Response.StatusCode = 418;
            http.Response.Headers["X-Seen"] = $"{http.Request.Method} {http.Request.Path.Value}{http.Request.QueryString} {http.Request.Headers["X-Mine"]}";
            await http.Request.Body.CopyToAsync(http.Response.Body);
        });
        var callee = await StartAsync(new AppSpec { AppId = "callee", Directory = "/", AppPort = port });
        var caller = await StartAsync();
        await WaitForAsync(() => Task.FromResult(callee.AppIsHealthy));

        foreach (var (path, id) in new[] { ("/v1.0/invoke/callee/method/a/b%20c?d=1", null), ("/a/b%20c?d=1", "callee") })
        {
            using var request = new HttpRequestMessage(HttpMethod.Put, $"http://127.0.0.1:{caller.App.HttpPort}{path}");
            request.Content = new StringContent("body");
            request.Headers.Add("X-Mine", "mine");
            if (id is not null)
            {
                request.Headers.Add("dapr-app-id", id);
            }

            using var response = await _http.SendAsync(request, Token);

            Assert.Equal(418, (int)response.StatusCode);
            Assert.Equal("PUT /a/b c?d=1 mine", response.Headers.GetValues("X-Seen").Single());
            Assert.Equal("body", await response.Content.ReadAsStringAsync(Token));
        }
    }

    [Fact]
    public async Task Shutdown_ends_only_this_sidecar()
    {
        var one = await StartAsync();
        var other = await StartAsync();

        using var answer = await _http.PostAsync($"http://127.0.0.1:{one.App.HttpPort}/v1.0/shutdown", null, Token);
        await one.Stopped.WaitAsync(Token);

        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.Equal([other], _neighbourhood.Replicas(other.App.AppId));
        Assert.Equal(HttpStatusCode.NoContent, await StatusAsync($"http://127.0.0.1:{other.App.HttpPort}/v1.0/healthz"));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var one in _running)
        {
            await one.DisposeAsync();
        }

        _http.Dispose();
    }

    private async Task<AppSidecar> StartAsync(AppSpec? app = null, Tokens? tokens = null)
    {
        var sidecar = new AppSidecar(
            app ?? new AppSpec { AppId = "app", Directory = "/" }, new Resources([], [], []), _neighbourhood, tokens ?? new Tokens(null, null));
        await sidecar.StartAsync(Token);
        _running.Add(sidecar);
        return sidecar;
    }

    private async Task StartAppAsync(int port, RequestDelegate answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.ListenLocalhost(port));
        var app = builder.Build();
        app.Run(answer);
        await app.StartAsync(Token);
        _running.Add(app);
    }

    private async Task<HttpStatusCode> StatusAsync(string address)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(address, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
        using var response = await _http.SendAsync(request, Token);
        return response.StatusCode;
    }

    private static DaprClient Client(AppSidecar sidecar) =>
        new(GrpcChannel.ForAddress($"http://127.0.0.1:{sidecar.App.GrpcPort}"));

    private static async Task WaitForAsync(Func<Task<bool>> condition)
    {
        while (!await condition())
        {
            await Task.Delay(20, Token);
        }
    }
}
