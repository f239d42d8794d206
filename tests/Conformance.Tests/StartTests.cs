using System.Net;
using System.Text.Json;
using TestSupport;

namespace Conformance.Tests;

/// <summary>In which order a sidecar becomes ready: it serves its app before the app listens, and is well when it has asked the app.</summary>
public sealed class StartTests
{
    public static TheoryData<string> Sidecars => Setting.Sidecars;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory, MemberData(nameof(Sidecars))]
    public async Task A_sidecar_serves_before_its_app_listens_and_is_well_when_it_has_asked_what_the_app_wants(string sidecar)
    {
        var port = FreePorts.Next();
        await using var setting = await Setting.LaunchAsync(
            sidecar, "rec", port, (FreePorts.Next(), FreePorts.Next()), RecordedApp.Component("states", "state.in-memory"), RecordedApp.Component("pubsub", "pubsub.in-memory"));
        using var http = new HttpClient { BaseAddress = setting.Http };
        using var client = setting.Client();

        await Eventually.Holds(async () => Assert.Equal(HttpStatusCode.NoContent, await Status("/v1.0/healthz/outbound")), TimeSpan.FromSeconds(30));
        await client.WaitForSidecarAsync(Token);
        await client.SaveStateAsync("states", "k", 1, cancellationToken: Token);
        using (var waits = await http.GetAsync("/v1.0/healthz", Token))
        {
            Assert.Equal(HttpStatusCode.InternalServerError, waits.StatusCode);
            Assert.Equal("ERR_HEALTH_NOT_READY", JsonElement.Parse(await waits.Content.ReadAsStringAsync(Token)).GetProperty("errorCode").GetString());
        }

        await using var app = await RecordingApp.StartAsync("""[{"pubsubname":"pubsub","topic":"t","route":"/t"}]""", "{}", port: port);
        await Eventually.Holds(async () => Assert.Equal(HttpStatusCode.NoContent, await Status("/v1.0/healthz")), TimeSpan.FromSeconds(30));

        Assert.NotEmpty(app.At("/dapr/config"));
        Assert.Single(app.At("/dapr/subscribe"));
        await client.PublishEventAsync("pubsub", "t", 2, Token);
        await Eventually.Holds(() => Assert.Equal("2", Assert.Single(app.At("/t")).Json.GetProperty("data").ToString()));
        Assert.Equal(1, await client.GetStateAsync<int>("states", "k", cancellationToken: Token));

        async Task<HttpStatusCode> Status(string path)
        {
            using var answer = await http.GetAsync(path, Token);
            return answer.StatusCode;
        }
    }
}
