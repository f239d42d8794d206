using System.Net;
using System.Text.Json;
using TestSupport;

namespace Accounts.Query.Tests;

/// <summary>What is answered without the views.</summary>
public class LonelyTests(LonelyService service) : IClassFixture<LonelyService>
{
    [Theory]
    [InlineData("POST", "/v1/accounts")]
    [InlineData("POST", "/v1/accounts/123456/commands/confirm")]
    [InlineData("PUT", "/v1/accounts/123456")]
    [InlineData("PATCH", "/v1/accounts/123456")]
    [InlineData("DELETE", "/v1/accounts/123456/events")]
    [InlineData("DELETE", "/v1/nothing")]
    public async Task Nothing_can_be_changed(string method, string path)
    {
        using var answer = await Send(method, path);

        Assert.Equal(HttpStatusCode.MethodNotAllowed, answer.StatusCode);
        Assert.Equal(["GET", "HEAD"], answer.Content.Headers.Allow);
        Assert.Equal("urn:accounts:problem:method-not-allowed", (await Problem(answer)).GetProperty("type").GetString());
    }

    [Theory]
    [InlineData("/v1/accounts/123456/commands/confirm", 405)]
    [InlineData("/v1/accounts", 503)]
    [InlineData("/v1/accounts/counts", 503)]
    [InlineData("/v1/users/7/accounts", 503)]
    [InlineData("/v1/accounts?limit=0", 400)]
    [InlineData("/v1/accounts?limit=501", 400)]
    [InlineData("/v1/accounts?limit=ten", 400)]
    [InlineData("/v1/accounts?limit=5&limit=6", 400)]
    [InlineData("/v1/accounts?status=ACTIVE", 400)]
    [InlineData("/v1/accounts?defaultAccount=yes", 400)]
    [InlineData("/v1/accounts?sort=accountNumber", 400)]
    [InlineData("/v1/accounts?sort=userId", 400)]
    [InlineData("/v1/accounts?userId=-1", 400)]
    [InlineData("/v1/accounts?userId=9007199254740992", 400)]
    [InlineData("/v1/accounts?cursor=", 400)]
    [InlineData("/v1/accounts?cursor=abc", 400)]
    [InlineData("/v1/accounts?cursor=bnVsbA", 400)]
    [InlineData("/v1/users/x/accounts", 400)]
    [InlineData("/v1/users/-1/accounts?sort=accountNumber", 400)]
    [InlineData("/v1/accounts/counts?userId=x", 400)]
    [InlineData("/v1/accounts/lower", 404)]
    [InlineData("/v1/accounts/COUNTS/commands", 404)]
    [InlineData("/v1/accounts/lower/events", 404)]
    [InlineData("/v1/accounts/123456/events?after=-1", 400)]
    [InlineData("/v1/accounts/123456/events?after=x", 400)]
    [InlineData("/v1/accounts/123456", 503)]
    [InlineData("/v1/accounts/123456/commands", 503)]
    [InlineData("/v1/accounts/123456/events", 503)]
    [InlineData("/v1/accounts/123456/stream", 503)]
    [InlineData("/v1/accounts/stream?userId=7", 503)]
    [InlineData("/v1/accounts/123456?version=1", 503)]
    [InlineData("/v1/events", 503)]
    public async Task What_cannot_be_answered_is_a_problem(string path, int status)
    {
        using var answer = await Send("GET", path);

        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal(status, (await Problem(answer)).GetProperty("status").GetInt32());
        Assert.Equal(status == 503, answer.Headers.RetryAfter?.Delta is { TotalSeconds: >= 1 and <= 5 });
    }

    [Fact]
    public async Task A_service_without_a_sidecar_is_alive_but_not_ready()
    {
        using var live = await Send("GET", "/healthz/live");
        using var open = await Send("GET", "/healthz/open");
        using var ready = await Send("GET", "/healthz/ready");

        Assert.Equal(HttpStatusCode.NoContent, live.StatusCode);
        Assert.Equal(HttpStatusCode.NoContent, open.StatusCode);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
        Assert.Equal("""{"ready":false,"checks":{"sidecar":false,"views":false}}""", await ready.Content.ReadAsStringAsync(Stop));
    }

    [Fact]
    public async Task The_OpenAPI_document_keeps_our_rules()
    {
        var document = JsonElement.Parse(await service.Client.GetStringAsync("/openapi/v1.json", Stop));

        Assert.Empty(OpenApiComplaints.About(document));
        Assert.Equal(
            [
                "/healthz/live", "/healthz/open", "/healthz/ready", "/healthz/startup",
                "/v1/accounts", "/v1/accounts/counts", "/v1/accounts/stream",
                "/v1/accounts/{accountNumber}", "/v1/accounts/{accountNumber}/commands", "/v1/accounts/{accountNumber}/events", "/v1/accounts/{accountNumber}/stream",
                "/v1/events", "/v1/users/{userId}/accounts",
            ],
            document.GetProperty("paths").EnumerateObject().Select(p => p.Name).Order(StringComparer.Ordinal));
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private Task<HttpResponseMessage> Send(string method, string path) =>
        service.Client.SendAsync(new HttpRequestMessage(new HttpMethod(method), path), Stop).WaitAsync(TimeSpan.FromSeconds(10), Stop);

    private static async Task<JsonElement> Problem(HttpResponseMessage answer)
    {
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        return JsonElement.Parse(await answer.Content.ReadAsStringAsync(Stop));
    }
}
