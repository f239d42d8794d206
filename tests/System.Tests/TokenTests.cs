using System.Text.Json;

namespace SystemTests;

/// <summary>With tokens in the environment, the sidecar is asked with one of them, and only it gets in where clients have no business.</summary>
public sealed class TokenTests(SharedSystem shared) : IDisposable
{
    private static readonly string[] Services = ["accounts-command", "accounts-processor", "accounts-query"];

    // Every address of a service that its sidecar calls. Those that a service does not have are unknown to everybody.
    private static readonly (string Method, string Path)[] Internal =
    [
        ("GET", "/dapr/subscribe"),
        ("GET", "/dapr/config"),
        ("PUT", "/actors/{0}/0/method/Receive"),
        ("PUT", "/actors/{0}/0/method/timer/t"),
        ("PUT", "/actors/{0}/0/method/remind/r"),
        ("DELETE", "/actors/{0}/0"),
        ("POST", "/wake-ups"),
    ];

    // What operators ask and order of the processor.
    private static readonly (string Method, string Path)[] Operators =
    [
        ("GET", "/v1/functions"),
        ("GET", "/v1/functions/account"),
        ("POST", "/v1/functions/none/pause"),
        ("POST", "/v1/functions/none/verify"),
        ("GET", "/v1/parked"),
        ("POST", "/v1/parked/none/discard"),
        ("GET", "/v1/dead-letters"),
        ("POST", "/v1/dead-letters/none/discard"),
    ];

    private readonly HttpClient _http = new();

    [Fact]
    public async Task The_whole_works_with_tokens_and_whoever_lacks_them_is_shut_out()
    {
        var (system, _) = shared.Own;

        // Actors, deliveries, invocation, state and publishing, each with its token, bring the account to life.
        await system.Accounts.Alive();

        var reached = new Dictionary<string, int>();
        foreach (var service in Services)
        {
            foreach (var (method, path) in Internal)
            {
                var address = new Uri(system.Address(service), string.Format(System.Globalization.CultureInfo.InvariantCulture, path, service));
                if (await StatusAsync(method, address, SharedSystem.TokenOfSidecars) is 404 or 405)
                {
                    continue;
                }

                reached[service] = reached.GetValueOrDefault(service) + 1;
                foreach (var token in new[] { null, "guess", SharedSystem.TokenOfApps })
                {
                    using var refused = await SendAsync(method, address, token);
                    Assert.Equal((401, "application/problem+json"), ((int)refused.StatusCode, refused.Content.Headers.ContentType?.MediaType));
                    var problem = JsonElement.Parse(await refused.Content.ReadAsStringAsync(Stop));
                    Assert.Equal("urn:accounts:problem:unauthorized", problem.GetProperty("type").GetString());
                }
            }

            Assert.Equal(204, await StatusAsync("GET", new Uri(system.Address(service), "/healthz/live"), null));
            Assert.Equal(200, await StatusAsync("GET", new Uri(system.Address(service), "/healthz/ready"), null));
            Assert.Equal(401, await StatusAsync("GET", new Uri(system.Host[service].DaprHttp, "/v1.0/metadata"), null));
        }

        // The query service has nothing to hide.
        Assert.Equal(["accounts-command", "accounts-processor"], reached.Keys.Order(StringComparer.Ordinal));
        Assert.True(reached["accounts-command"] >= 5 && reached["accounts-processor"] == Internal.Length, string.Join(", ", reached));
    }

    [Fact]
    public async Task Operators_have_the_token_and_clients_need_none()
    {
        var (system, _) = shared.Own;
        foreach (var (method, path) in Operators)
        {
            var address = new Uri(system.Address("accounts-processor"), path);
            foreach (var token in new[] { null, "guess", SharedSystem.TokenOfApps })
            {
                using var refused = await SendAsync(method, address, token);
                Assert.Equal((path, 401, "application/problem+json"), (path, (int)refused.StatusCode, refused.Content.Headers.ContentType?.MediaType));
            }

            var known = path.Contains("none", StringComparison.Ordinal) ? 404 : 200;
            Assert.Equal((path, known), (path, await StatusAsync(method, address, SharedSystem.TokenOfSidecars)));
        }

        Assert.Equal(200, await StatusAsync("GET", new Uri(system.Address("accounts-processor"), "/openapi/v1.json"), null));
        Assert.Equal(200, await StatusAsync("GET", new Uri(system.Address("accounts-query"), "/v1/accounts"), null));
    }

    public void Dispose() => _http.Dispose();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private async Task<int> StatusAsync(string method, Uri address, string? token)
    {
        using var answer = await SendAsync(method, address, token);
        return (int)answer.StatusCode;
    }

    private Task<HttpResponseMessage> SendAsync(string method, Uri address, string? token)
    {
        var request = new HttpRequestMessage(new HttpMethod(method), address);
        if (token is not null)
        {
            request.Headers.Add("dapr-api-token", token);
        }

        return _http.SendAsync(request, Stop);
    }
}
