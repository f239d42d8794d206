using TestSupport;

namespace SystemTests;

/// <summary>What every service has: probes, a description of itself, the story in the requests folder.</summary>
public class ServiceTests(SharedSystem shared)
{
    private readonly AccountSystem _accounts = shared.Accounts;

    private Uri[] Services => [_accounts.Commands, _accounts.Processor, _accounts.Queries];

    [Theory]
    [InlineData("/healthz/startup", 204)]
    [InlineData("/healthz/live", 204)]
    [InlineData("/healthz/open", 204)]
    [InlineData("/healthz/ready", 200)]
    public async Task Probes_of_a_running_service_are_fine(string probe, int status)
    {
        foreach (var service in Services)
        {
            (await _accounts.Ask(HttpMethod.Get, new Uri(service, probe))).Is(status);
        }
    }

    [Fact]
    public async Task Every_service_describes_all_that_it_offers()
    {
        foreach (var service in Services)
        {
            var document = (await _accounts.Ask(HttpMethod.Get, new Uri(service, "/openapi/v1.json"))).Is(200).Json;

            Assert.Empty(OpenApiComplaints.About(document));
        }
    }

    [Theory]
    [InlineData("/v1/accounts", "post", "201 400 406 409 412 413 415 422 500 503")]
    [InlineData("/v1/accounts/{accountNumber}/commands/{name}", "post", "200 400 404 406 409 412 413 415 422 500 503")]
    [InlineData("/v1/accounts/{accountNumber}/commands", "get", "200 400 404 406 500 503")]
    [InlineData("/v1/accounts/import", "post", "200 400 406 415 500")]
    public async Task The_command_service_describes_every_status(string path, string method, string statuses) =>
        Assert.Equal(statuses.Split(' '), await Described(_accounts.Commands, path, method));

    [Theory]
    [InlineData("/v1/accounts/{accountNumber}", "200 304 400 404 406 500 503")]
    [InlineData("/v1/accounts/{accountNumber}/commands", "200 304 400 404 406 500 503")]
    [InlineData("/v1/accounts/{accountNumber}/events", "200 400 404 406 500 503")]
    [InlineData("/v1/accounts/{accountNumber}/stream", "200 400 404 406 500 503")]
    [InlineData("/v1/accounts/stream", "200 400 406 500 503")]
    [InlineData("/v1/events", "200 400 406 500 503")]
    public async Task The_query_service_describes_every_status(string path, string statuses)
    {
        Assert.Equal(statuses.Split(' '), await Described(_accounts.Queries, path, "get"));
        Assert.Equal(statuses.Split(' '), await Described(_accounts.Queries, path, "head"));
    }

    private async Task<IEnumerable<string>> Described(Uri service, string path, string method) =>
        (await _accounts.Ask(HttpMethod.Get, new Uri(service, "/openapi/v1.json"))).Is(200).Json
            .GetProperty("paths").GetProperty(path).GetProperty(method).GetProperty("responses")
            .EnumerateObject().Select(response => response.Name).Order(StringComparer.Ordinal);
}
