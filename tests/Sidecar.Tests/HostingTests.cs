using System.Net;
using TestSupport;

namespace Sidecar.Tests;

public sealed class HostingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Starts_the_repositorys_apps_and_stops_them_on_SIGTERM()
    {
        await using var host = await RunningHost.StartAsync(new HostStart { RunFile = RunFileCopy.Write(_folder.Location) }, Token);
        var processes = host.Apps.Values.Select(a => a.ProcessId!.Value).ToList();
        using var http = new HttpClient();

        Assert.Equal(["accounts-command", "accounts-processor", "accounts-query"], host.Apps.Keys.Order());
        foreach (var app in host.Apps.Values)
        {
            Assert.Equal(HttpStatusCode.NoContent, (await http.GetAsync(new Uri(app.DaprHttp, "/v1.0/healthz/outbound"), Token)).StatusCode);
        }

        Assert.Equal(0, await host.StopAsync());
        Assert.DoesNotContain(processes, Signals.IsAlive);
    }

    public void Dispose() => _folder.Dispose();
}
