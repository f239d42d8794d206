using System.Globalization;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using TestSupport;

namespace Accounts.Command.Tests;

/// <summary>The command service over real HTTP, whose sidecar never comes: all that it must be able to do without one.</summary>
public class LonelyService : WebApplicationFactory<Program>
{
    public LonelyService()
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
        builder.UseSetting("EventLog:AnswerWithin", "00:00:00.050");
        builder.UseSetting("PublicAddress", "https://accounts.example/");
    }
}

/// <summary>The same, with a token that the sidecar must show.</summary>
public class GuardedService : LonelyService
{
    public const string Token = "let-me-in";

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        base.ConfigureWebHost(builder);
        builder.UseSetting("APP_API_TOKEN", Token);

        // With the token, calls of actors that there are not get as far as failing.
        builder.UseSetting("Logging:LogLevel:Microsoft.AspNetCore", "None");
    }
}
