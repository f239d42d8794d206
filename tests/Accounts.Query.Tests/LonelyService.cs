using System.Globalization;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using TestSupport;

namespace Accounts.Query.Tests;

/// <summary>The query service over real HTTP, whose sidecar never comes.</summary>
public sealed class LonelyService : WebApplicationFactory<Program>
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
    }
}
