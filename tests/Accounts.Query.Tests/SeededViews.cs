using System.Globalization;
using System.Net.Http.Json;
using Accounts.Contracts;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using TestSupport;

namespace Accounts.Query.Tests;

/// <summary>
/// The query service on the embedded sidecar with the repository's own components; the tests write the rows, through the
/// sidecar's HTTP API.
/// </summary>
public sealed class SeededViews : WebApplicationFactory<Program>, IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private readonly HttpClient _dapr = new();
    private RunningHost? _host;

    public HttpClient Client { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        var runFile = Path.Combine(_folder.Location, "dapr.yaml");
        await File.WriteAllTextAsync(runFile, $"""
            version: 1
            apps:
              - appID: accounts-query
                appDirPath: {_folder.Location}
                resourcesPaths: ["{Path.Combine(Repository.Root, "components", "local")}"]
                daprHTTPPort: {FreePorts.Next()}
                daprGRPCPort: {FreePorts.Next()}
            """);
        _host = await RunningHost.StartAsync(new HostStart { RunFile = runFile });
        _dapr.BaseAddress = _host[AppIds.Query].DaprHttp;
        UseKestrel(0);
        Client = CreateClient();
    }

    /// <summary>Writes one row, or a pointer.</summary>
    public async Task Write<T>(string key, T value)
    {
        using var answer = await _dapr.PostAsJsonAsync($"/v1.0/state/{Components.Views}", new[] { new { key, value } }, TestContext.Current.CancellationToken);
        answer.EnsureSuccessStatusCode();
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        if (_host is not null)
        {
            await _host.DisposeAsync();
        }

        _dapr.Dispose();
        _folder.Dispose();
    }

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        builder.UseSetting("DAPR_HTTP_PORT", _host![AppIds.Query].DaprHttpPort.ToString(CultureInfo.InvariantCulture));
        builder.UseSetting("DAPR_GRPC_PORT", _host[AppIds.Query].DaprGrpcPort.ToString(CultureInfo.InvariantCulture));
        builder.UseSetting("CommandAddress", "https://commands.example/");
    }
}
