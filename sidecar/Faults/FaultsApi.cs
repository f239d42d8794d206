using System.Text.Json;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging.Abstractions;

namespace Sidecar.Faults;

/// <summary>The address at which anyone on this machine lists, sets and ends the faults: <c>/faults</c>.</summary>
internal sealed class FaultsApi : IAsyncDisposable
{
    /// <summary>The port unless <c>--faults</c> names another one.</summary>
    public const int DefaultPort = 3500;

    private readonly WebApplication _server;
    private readonly FaultSwitches _switches;

    private FaultsApi(WebApplication server, FaultSwitches switches) => (_server, _switches) = (server, switches);

    /// <summary>Serves the address, on the loopback only.</summary>
    /// <exception cref="IOException">The port is taken.</exception>
    public static async Task<FaultsApi> StartAsync(int port, FaultSwitches switches, FaultScene scene, CancellationToken cancellation)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.ListenLocalhost(port, listen => listen.Protocols = HttpProtocols.Http1);
        });
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton<ILoggerFactory>(NullLoggerFactory.Instance);
        var server = builder.Build();
        server.UseRouting();
        server.MapGet("/faults", http => AnswerAsync(http, 200, "application/json", FaultList.Write(switches.List)));
        server.MapPut("/faults", http => PutAsync(http, switches, scene));
        server.MapDelete("/faults", http =>
        {
            switches.Replace([]);
            http.Response.StatusCode = StatusCodes.Status204NoContent;
            return Task.CompletedTask;
        });
        await server.StartAsync(cancellation);
        return new FaultsApi(server, switches);
    }

    /// <summary>Ends all faults, so that nothing is left waiting, and then the address.</summary>
    public async ValueTask DisposeAsync()
    {
        _switches.Replace([]);
        await _server.DisposeAsync();
    }

    private static async Task PutAsync(HttpContext http, FaultSwitches switches, FaultScene scene)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, http.RequestAborted);
        var problems = new List<string>();
        if (FaultList.Read(body.ToArray(), scene, problems) is { } faults)
        {
            switches.Replace(faults);
            await AnswerAsync(http, 200, "application/json", FaultList.Write(faults));
            return;
        }

        var problem = new { title = "The list of faults is wrong, and nothing was changed", status = 400, problems };
        await AnswerAsync(http, 400, "application/problem+json", JsonSerializer.SerializeToUtf8Bytes(problem));
    }

    private static Task AnswerAsync(HttpContext http, int status, string type, byte[] body)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = type;
        http.Response.ContentLength = body.Length;
        return http.Response.Body.WriteAsync(body, http.RequestAborted).AsTask();
    }
}
