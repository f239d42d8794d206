using System.Globalization;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using TestSupport;

namespace Accounts.Processor.Tests;

/// <summary>With a token, the service listens to its sidecar and to operators alone; the sidecar never comes here.</summary>
public class TokenTests(TokenTests.GuardedService service) : IClassFixture<TokenTests.GuardedService>
{
    private const string Token = "let-me-in";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(null)]
    [InlineData("guess")]
    public async Task Only_who_has_the_token_reaches_what_is_not_for_probes(string? token)
    {
        var routes = RoutesForSidecars.OfServiceForOperators(service.Services);
        Assert.Superset(
            new HashSet<(HttpMethod, string)>
            {
                (HttpMethod.Get, "/dapr/config"), (HttpMethod.Get, "/dapr/subscribe"), (HttpMethod.Post, "/wake-ups"),
                (HttpMethod.Get, "/v1/functions"), (HttpMethod.Post, "/v1/functions/0/drop"), (HttpMethod.Post, "/v1/parked/0/discard"),
            },
            routes.ToHashSet());
        foreach (var (method, path) in routes)
        {
            Assert.Equal((path, 401), (path, await Status(method, path, token)));
            Assert.NotEqual((path, 401), (path, await Status(method, path, Token)));
        }

        Assert.Equal(204, await Status(HttpMethod.Get, "/healthz/live", token));
    }

    private async Task<int> Status(HttpMethod method, string path, string? token)
    {
        using var request = new HttpRequestMessage(method, path);
        if (token is not null)
        {
            request.Headers.Add("dapr-api-token", token);
        }

        using var answer = await service.Client.SendAsync(request, Stop);
        return (int)answer.StatusCode;
    }

    /// <summary>The processor over real HTTP.</summary>
    public sealed class GuardedService : WebApplicationFactory<Program>
    {
        public GuardedService()
        {
            UseKestrel();
            Client = CreateClient();
        }

        public HttpClient Client { get; }

        protected override void ConfigureWebHost(IWebHostBuilder builder)
        {
            builder.UseSetting("urls", "http://127.0.0.1:0");
            builder.UseSetting("DAPR_HTTP_PORT", FreePorts.Next().ToString(CultureInfo.InvariantCulture));
            builder.UseSetting("DAPR_GRPC_PORT", FreePorts.Next().ToString(CultureInfo.InvariantCulture));
            builder.UseSetting("APP_API_TOKEN", Token);

            // With the token, calls of actors that there are not get as far as failing.
            builder.UseSetting("Logging:LogLevel:Microsoft.AspNetCore", "None");
        }
    }
}
