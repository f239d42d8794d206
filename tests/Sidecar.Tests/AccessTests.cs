using System.Net;
using Dapr.Client.Autogen.Grpc.v1;
using Grpc.Core;
using Sidecar.Configuration;
using Sidecar.Server;
using TestSupport;

namespace Sidecar.Tests;

/// <summary>What a configuration closes is closed, on both protocols, with Dapr's answers.</summary>
public sealed class AccessTests : IAsyncDisposable
{
    private readonly Street _street = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Only_what_is_listed_is_answered_on_a_protocol_for_which_something_is_listed()
    {
        var sidecar = await OpenAsync(new AppConfiguration { Allowed = [new("metadata", "v1", "http"), new("state", "v1", "grpc")] });

        Assert.Equal(HttpStatusCode.OK, await StatusAsync(sidecar, "/v1.0/metadata"));
        Assert.Equal(HttpStatusCode.NoContent, await StatusAsync(sidecar, "/v1.0/healthz/outbound"));
        using var closed = await _street.SendAsync(sidecar, HttpMethod.Get, "/v1.0/state/store/k");
        Assert.Equal((HttpStatusCode.NotFound, "404 page not found\n"), (closed.StatusCode, await closed.Content.ReadAsStringAsync(Token)));
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync(sidecar, "/v1.0/invoke/web/method/x"));

        var grpc = _street.Grpc(sidecar);
        Assert.True((await grpc.GetStateAsync(new GetStateRequest { StoreName = "store", Key = "k" }, cancellationToken: Token)).Data.IsEmpty);
        var refusal = await Assert.ThrowsAsync<RpcException>(async () => await grpc.GetMetadataAsync(new GetMetadataRequest(), cancellationToken: Token));
        Assert.Equal((StatusCode.Unimplemented, "Not Implemented"), (refusal.StatusCode, refusal.Status.Detail));
    }

    [Fact]
    public async Task A_protocol_for_which_nothing_is_listed_stays_open()
    {
        var sidecar = await OpenAsync(new AppConfiguration { Allowed = [new("state", "v1", "grpc")] });

        Assert.Equal(HttpStatusCode.OK, await StatusAsync(sidecar, "/v1.0/metadata"));
        Assert.Equal(HttpStatusCode.NoContent, await StatusAsync(sidecar, "/v1.0/state/store/k"));
    }

    [Fact]
    public async Task What_is_denied_is_closed_though_it_is_allowed_and_the_rest_stays_open()
    {
        var sidecar = await OpenAsync(new AppConfiguration { Denied = [new("state", "v1", "http"), new("state", "v1", "grpc")] });

        // Where invocation is open, Dapr takes an unknown path for one.
        using var closed = await _street.SendAsync(sidecar, HttpMethod.Get, "/v1.0/state/store/k");
        Assert.Contains("failed getting app id", await closed.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(sidecar, "/v1.0/metadata"));
        var refusal = await Assert.ThrowsAsync<RpcException>(async () => await _street.Grpc(sidecar).GetStateAsync(new GetStateRequest { StoreName = "store", Key = "k" }, cancellationToken: Token));
        Assert.Equal(StatusCode.Unimplemented, refusal.StatusCode);
    }

    [Theory]
    [InlineData(true, "caller", "POST", "/v1/things/1/parts/2", HttpStatusCode.OK)]
    [InlineData(true, "caller", "GET", "/v1/things/1/parts/2", HttpStatusCode.Forbidden)]
    [InlineData(true, "caller", "POST", "/v1/things", HttpStatusCode.Forbidden)]
    [InlineData(true, "stranger", "POST", "/v1/things/1/parts/2", HttpStatusCode.Forbidden)]
    [InlineData(false, "caller", "POST", "/v1/things/1/parts/2", HttpStatusCode.Forbidden)]
    public async Task Only_callers_with_a_policy_get_in_and_without_mutual_TLS_nobody_is_known(
        bool mutualTls, string caller, string verb, string path, HttpStatusCode status)
    {
        var access = new AccessControl
        {
            AllowByDefault = false,
            Policies = [new AccessPolicy("caller", "public", "default", null, [new AccessOperation("/v1/things/**/parts/*", ["POST"], true)])],
        };
        await using var app = await RecordingApp.StartAsync(null, null);
        await _street.OpenAsync(new AppSpec { AppId = "called", Directory = "/", AppPort = app.Port, Configuration = new AppConfiguration { Access = access, MutualTls = mutualTls } });
        var sidecar = await _street.OpenAsync(new AppSpec { AppId = caller, Directory = "/", Configuration = new AppConfiguration { MutualTls = mutualTls } });
        await Eventually.True(() => _street.Neighbourhood.Replicas("called").All(r => r.AppIsHealthy), "the called app is well");

        using var answer = await _street.SendAsync(sidecar, new HttpMethod(verb), "/v1.0/invoke/called/method" + path);

        Assert.Equal(status, answer.StatusCode);
        Assert.Equal(status == HttpStatusCode.OK ? 1 : 0, app.Asked.Count(a => a.Path == path));
        if (status == HttpStatusCode.Forbidden)
        {
            var text = await answer.Content.ReadAsStringAsync(Token);
            Assert.Contains("ERR_DIRECT_INVOKE", text, StringComparison.Ordinal);
            Assert.Contains("access control policy has denied access to id: " + (mutualTls ? $"spiffe://public/ns/default/{caller} " : " "), text, StringComparison.Ordinal);
        }
    }

    public ValueTask DisposeAsync() => _street.DisposeAsync();

    private Task<AppSidecar> OpenAsync(AppConfiguration configuration) =>
        _street.OpenAsync(new AppSpec { AppId = "web", Directory = "/", Configuration = configuration });

    private async Task<HttpStatusCode> StatusAsync(AppSidecar sidecar, string path)
    {
        using var answer = await _street.SendAsync(sidecar, HttpMethod.Get, path);
        return answer.StatusCode;
    }
}
