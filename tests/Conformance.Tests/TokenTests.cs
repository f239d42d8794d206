using System.Net;
using Dapr;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using TestSupport;

namespace Conformance.Tests;

/// <summary>The tokens between app and sidecar, in both directions.</summary>
public sealed class TokenTests
{
    public static TheoryData<string> Sidecars => Setting.Sidecars;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory, MemberData(nameof(Sidecars))]
    public async Task Without_the_token_only_health_is_answered_and_the_app_gets_the_other_token(string sidecar)
    {
        Setting.Tokens.Value = new() { ["DAPR_API_TOKEN"] = "from-app", ["APP_API_TOKEN"] = "from-sidecar" };
        await using var app = await RecordingApp.StartAsync(
            """[{"pubsubname":"pubsub","topic":"t","route":"/t"}]""", "{}", (_, http) => http.Response.WriteAsync("{}", Token));
        await using var setting = await Setting.StartAsync(sidecar, "rec", app.Port, RecordedApp.Components);
        using var http = new HttpClient();

        foreach (var token in new[] { null, "wrong" })
        {
            foreach (var path in new[] { "/v1.0/metadata", "/v1.0/state/sqlite/k", "/v1.0/invoke/rec/method/x", "/nothing" })
            {
                using var refused = await GetAsync(http, new Uri(setting.Http, path), token);
                Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
                Assert.Equal("text/plain", refused.Content.Headers.ContentType!.MediaType);
                Assert.Equal("invalid api token", (await refused.Content.ReadAsStringAsync(Token)).Trim());
            }

            foreach (var path in new[] { "/v1.0/healthz", "/v1.0/healthz/outbound" })
            {
                using var health = await GetAsync(http, new Uri(setting.Http, path), token);
                Assert.Equal(HttpStatusCode.NoContent, health.StatusCode);
            }
        }

        using var wrong = setting.Client("wrong");
        var refusal = await Assert.ThrowsAsync<DaprException>(() => wrong.GetStateAsync<string>("sqlite", "k", cancellationToken: Token));
        Assert.Equal(StatusCode.Unauthenticated, ((RpcException)refusal.InnerException!).StatusCode);

        using var right = setting.Client("from-app");
        Assert.Null(await right.GetStateAsync<string>("sqlite", "k", cancellationToken: Token));
        await right.PublishEventAsync("pubsub", "t", new { a = 1 }, Token);
        using var invoked = await GetAsync(http, new Uri(setting.Http, "/v1.0/invoke/rec/method/x"), "from-app");
        await Eventually.Holds(() => Assert.Equal(2, app.Asked.Count(a => a.Path is "/t" or "/x")));
        Assert.All(app.Asked, asked => Assert.Equal("from-sidecar", asked.Headers["dapr-api-token"]));
    }

    private static Task<HttpResponseMessage> GetAsync(HttpClient http, Uri address, string? token)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, address);
        if (token is not null)
        {
            request.Headers.Add("dapr-api-token", token);
        }

        return http.SendAsync(request, Token);
    }
}
