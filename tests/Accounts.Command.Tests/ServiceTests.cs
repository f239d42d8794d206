using System.Net;
using System.Text.Json;
using TestSupport;

namespace Accounts.Command.Tests;

/// <summary>Probes, the OpenAPI document and the sidecar's token.</summary>
public class ServiceTests(LonelyService service, GuardedService guarded) : IClassFixture<LonelyService>, IClassFixture<GuardedService>
{
    [Theory]
    [InlineData("/healthz/startup")]
    [InlineData("/healthz/live")]
    public async Task A_service_without_a_sidecar_is_alive(string probe) =>
        Assert.True((await service.Client.GetAsync(probe, Stop)).IsSuccessStatusCode);

    [Fact]
    public async Task A_service_without_a_sidecar_is_not_ready_and_says_what_it_waits_for()
    {
        using var answer = await service.Client.GetAsync("/healthz/ready", Stop);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal("""{"ready":false,"checks":{"sidecar":false,"log":false}}""", await answer.Content.ReadAsStringAsync(Stop));
    }

    [Fact]
    public async Task A_service_whose_log_is_not_open_is_given_no_work_by_its_sidecar()
    {
        using var answer = await service.Client.GetAsync("/healthz/open", Stop);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
    }

    [Fact]
    public async Task The_OpenAPI_document_keeps_our_rules()
    {
        var document = JsonElement.Parse(await service.Client.GetStringAsync("/openapi/v1.json", Stop));

        Assert.Empty(OpenApiComplaints.About(document));
        Assert.Equal(
            ["/healthz/live", "/healthz/open", "/healthz/ready", "/healthz/startup", "/v1/accounts", "/v1/accounts/import", "/v1/accounts/{accountNumber}/commands", "/v1/accounts/{accountNumber}/commands/{name}"],
            document.GetProperty("paths").EnumerateObject().Select(p => p.Name).Order(StringComparer.Ordinal));
        var create = document.GetProperty("paths").GetProperty("/v1/accounts").GetProperty("post");
        Assert.Equal(
            ["201", "400", "406", "409", "412", "413", "415", "422", "500", "503"],
            create.GetProperty("responses").EnumerateObject().Select(r => r.Name).Order(StringComparer.Ordinal));
        var body = document.GetProperty("components").GetProperty("schemas").GetProperty("CreateAccountBody");
        Assert.False(body.GetProperty("additionalProperties").GetBoolean());
        Assert.Equal(
            ["ACCOUNT_PENDING", "ACCOUNT_CONFIRMED", "ACCOUNT_ACTIVE", "ACCOUNT_SUSPENDED", "ACCOUNT_ARCHIVED"],
            Schema(document, "FactBody", "status").GetProperty("enum").EnumerateArray().Select(name => name.GetString()));
        Assert.Equal("integer", Schema(document, "CreateAccountBody", "userId").GetProperty("type").GetString());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("guess")]
    public async Task Only_the_sidecar_reaches_what_is_not_for_clients_or_probes(string? token)
    {
        var routes = RoutesForSidecars.Of(guarded.Services);
        Assert.Contains((HttpMethod.Get, "/dapr/config"), routes);
        foreach (var (method, path) in routes)
        {
            Assert.Equal((path, 401), (path, await Status(method, path, token)));
            Assert.NotEqual((path, 401), (path, await Status(method, path, GuardedService.Token)));
        }
    }

    [Theory]
    [InlineData("/healthz/live", 204)]
    [InlineData("/openapi/v1.json", 200)]
    [InlineData("/v1/accounts/abc/commands", 404)]
    public async Task Clients_and_probes_need_no_token(string path, int status) =>
        Assert.Equal(status, (int)(await guarded.Client.GetAsync(path, Stop)).StatusCode);

    private async Task<int> Status(HttpMethod method, string path, string? token)
    {
        using var request = new HttpRequestMessage(method, path);
        if (token is not null)
        {
            request.Headers.Add("dapr-api-token", token);
        }

        using var answer = await guarded.Client.SendAsync(request, Stop);
        return (int)answer.StatusCode;
    }

    private static JsonElement Schema(JsonElement document, string schema, string member) =>
        document.GetProperty("components").GetProperty("schemas").GetProperty(schema).GetProperty("properties").GetProperty(member);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;
}
