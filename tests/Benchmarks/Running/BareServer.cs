using System.Diagnostics;
using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using TestSupport;

namespace Benchmarks;

/// <summary>
/// What the services are compared with: the same web server with the same settings, which answers the same requests with the
/// same answer, always.
/// </summary>
internal sealed class BareServer : IDisposable
{
    private readonly Process _process;

    private BareServer(Process process, Uri address) => (_process, Address) = (process, address);

    public Uri Address { get; }

    public Meter Meter => new([("web server", _process.Id)]);

    /// <summary>Starts it as a process of its own.</summary>
    public static async Task<BareServer> StartAsync()
    {
        var port = FreePorts.Next();
        var server = new BareServer(Role.Start(Role.Bare, port.ToString(CultureInfo.InvariantCulture)), new Uri($"http://localhost:{port}"));
        using var http = new HttpClient();
        await Eventually.True(async () => (await http.GetAsync(new Uri(server.Address, "/v1/accounts/X"))).IsSuccessStatusCode, "the bare web server answers");
        return server;
    }

    /// <summary>The process.</summary>
    public static int Run(string port)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions());
        builder.WebHost.UseUrls($"http://localhost:{port}").ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        var app = builder.Build();
        var body = """{"createdAt":1795458127012,"lastModified":1795458127012,"userId":12345,"accountNumber":"B-1-123-123456","defaultAccount":false,"status":"ACCOUNT_PENDING","version":1,"_links":{"self":{"href":"http://localhost:5103/v1/accounts/B-1-123-123456"},"events":{"href":"http://localhost:5103/v1/accounts/B-1-123-123456/events"},"confirm":{"href":"/v1/accounts/B-1-123-123456/commands/confirm"},"make-default":{"href":"/v1/accounts/B-1-123-123456/commands/make-default"},"clear-default":{"href":"/v1/accounts/B-1-123-123456/commands/clear-default"}}}"""u8.ToArray();
        app.MapPost("/v1/accounts", context => AnswerAsync(context, StatusCodes.Status201Created));
        app.MapGet("/v1/accounts/{number}", context => AnswerAsync(context, StatusCodes.Status200OK));
        app.Run();
        return 0;

        Task AnswerAsync(HttpContext context, int status)
        {
            var response = context.Response;
            response.StatusCode = status;
            response.ContentType = "application/json";
            response.ContentLength = body.Length;
            response.Headers.CacheControl = "no-store";
            response.Headers.ETag = "\"1\"";
            response.Headers.Location = "http://localhost:5103/v1/accounts/B-1-123-123456";
            response.Headers["X-Correlation-Id"] = "c23010f6e65c9a96f2bf99a4fc2823a7";
            response.Headers["Account-Position"] = "1:1";
            return response.Body.WriteAsync(body, context.RequestAborted).AsTask();
        }
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
