using System.Net;
using System.Security.Cryptography;
using System.Text;
using Grpc.AspNetCore.Server.Model;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging.Abstractions;

namespace Sidecar.Server;

/// <summary>The two web servers of a sidecar: the gRPC API (HTTP/2 with prior knowledge) and the HTTP API.</summary>
internal static class ApiServers
{
    /// <summary>Starts the gRPC API on both loopbacks.</summary>
    /// <param name="map">Fills the table of methods.</param>
    /// <returns>The running server and its port.</returns>
    /// <exception cref="IOException">The port is taken.</exception>
    public static async Task<(WebApplication Server, int Port)> StartGrpcAsync(
        AppSidecar sidecar, Action<GrpcMethods> map, CancellationToken cancellation)
    {
        var max = sidecar.App.MaxBodySize;
        var methods = new GrpcMethods(max, new ApiAccess(sidecar.App.Configuration));
        map(methods);
        return await ListenAsync(sidecar.App.GrpcPort, port =>
        {
            var builder = Builder(sidecar, port, HttpProtocols.Http2, kestrel =>
            {
                // The SDK makes all calls of a process over one connection.
                kestrel.Limits.Http2.MaxStreamsPerConnection = 10_000;
                kestrel.Limits.Http2.InitialConnectionWindowSize = 8 << 20;
                kestrel.Limits.Http2.InitialStreamWindowSize = 2 << 20;
                kestrel.Limits.MaxRequestBodySize = null;
            });

            // Messages over the limit are refused by GrpcMethods, in Dapr's words; this one only bounds memory.
            builder.Services.AddGrpc(grpc =>
            {
                grpc.MaxReceiveMessageSize = checked(max * 16);
                grpc.MaxSendMessageSize = null;
                grpc.IgnoreUnknownServices = true;
            });
            builder.Services.AddSingleton<IServiceMethodProvider<GrpcMethods.Service>>(methods);
            var server = builder.Build();
            server.Use((http, next) => GrpcTokenFails(http, sidecar.Tokens.Api) is { } why
                ? GrpcStatusAsync(http, Grpc.Core.StatusCode.Unauthenticated, why)
                : next(http));
            server.UseRouting();
            server.MapGrpcService<GrpcMethods.Service>();
            server.MapFallback(UnknownGrpcMethod);
            return server;
        }, cancellation);
    }

    /// <summary>Starts the HTTP API on both loopbacks.</summary>
    /// <param name="map">Maps the routes.</param>
    /// <param name="fallback">Serves what no route matches: Dapr takes it for a service invocation.</param>
    /// <returns>The running server and its port.</returns>
    /// <exception cref="IOException">The port is taken.</exception>
    public static async Task<(WebApplication Server, int Port)> StartHttpAsync(
        AppSidecar sidecar, Action<IEndpointRouteBuilder> map, RequestDelegate fallback, CancellationToken cancellation) =>
        await ListenAsync(sidecar.App.HttpPort, port =>
        {
            var builder = Builder(sidecar, port, HttpProtocols.Http1, kestrel => kestrel.Limits.MaxRequestBodySize = sidecar.App.MaxBodySize);
            var access = new ApiAccess(sidecar.App.Configuration);
            var unknown = access.AllowsHttp("v1.0/invoke/") ? fallback : HttpPipeline.NotFoundAsync;
            var server = builder.Build();
            server.Use((http, next) => HttpPipeline.RunAsync(http, sidecar.Tokens.Api, next));
            server.UseRouting();
            server.Use((http, next) => HttpPipeline.CaseMatters(http) && HttpPipeline.IsAllowed(http, access) ? next(http) : unknown(http));
            map(server);

            // A path that is known with another verb only is as unknown to Dapr as any.
            server.Map(HttpPipeline.AnyPath, unknown).WithOrder(int.MaxValue);
            return server;
        }, cancellation);

    private static WebApplicationBuilder Builder(
        AppSidecar sidecar, int port, HttpProtocols protocols, Action<KestrelServerOptions> limits)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.AllowSynchronousIO = false;
            kestrel.ListenLocalhost(port, listen => listen.Protocols = protocols);
            limits(kestrel);
        });
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton<ILoggerFactory>(new QuietRequests(sidecar.Neighbourhood.Loggers));
        builder.Services.AddSingleton<IHostLifetime, HostedBySidecar>();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(5));
        return builder;
    }

    private static async Task<(WebApplication, int)> ListenAsync(
        int wanted, Func<int, WebApplication> make, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            var port = wanted == 0 ? Ports.Free() : wanted;
            var server = make(port);
            try
            {
                await server.StartAsync(cancellation);
                return (server, port);
            }
            catch (IOException e) when (e.InnerException is AddressInUseException && wanted == 0 && attempt < 20)
            {
                // Someone took the free port first.
                await server.DisposeAsync();
            }
            catch
            {
                await server.DisposeAsync();
                throw;
            }
        }
    }

    private static string? GrpcTokenFails(HttpContext http, string? token)
    {
        if (token is null)
        {
            return null;
        }

        var given = http.Request.Headers["dapr-api-token"];
        return given.Count == 0 ? "missing api token in request metadata"
            : HttpPipeline.Same(given.ToString(), token) ? null
            : "authentication error: api token mismatch";
    }

    /// <summary>
    /// Dapr takes an unknown method for one to be proxied to another app, and complains that no app is named. Only for
    /// reflection it says Unimplemented here: the SDK then tries its methods one after the other.
    /// </summary>
    private static Task UnknownGrpcMethod(HttpContext http) =>
        http.Request.Path.Value!.StartsWith("/grpc.reflection.", StringComparison.Ordinal)
            ? GrpcStatusAsync(http, Grpc.Core.StatusCode.Unimplemented, "unknown service grpc.reflection.v1.ServerReflection")
            : GrpcStatusAsync(http, Grpc.Core.StatusCode.Unknown,
                "failed to proxy request: required metadata dapr-callee-app-id or dapr-app-id not found");

    private static Task GrpcStatusAsync(HttpContext http, Grpc.Core.StatusCode code, string message)
    {
        http.Response.ContentType = "application/grpc";
        http.Response.Headers["grpc-status"] = ((int)code).ToString(System.Globalization.CultureInfo.InvariantCulture);
        http.Response.Headers["grpc-message"] = Uri.EscapeDataString(message).Replace("%20", " ", StringComparison.Ordinal);
        return Task.CompletedTask;
    }

    /// <summary>
    /// Leaves out the log of single requests: where it could be written to, the web server makes an activity for every request,
    /// though nobody reads it.
    /// </summary>
    private sealed class QuietRequests(ILoggerFactory loggers) : ILoggerFactory
    {
        public ILogger CreateLogger(string categoryName) =>
            categoryName == "Microsoft.AspNetCore.Hosting.Diagnostics" ? NullLogger.Instance : loggers.CreateLogger(categoryName);

        public void AddProvider(ILoggerProvider provider) => loggers.AddProvider(provider);

        public void Dispose()
        {
            // The host's to dispose.
        }
    }

    /// <summary>The sidecar decides when its servers stop, not the signals of the process.</summary>
    private sealed class HostedBySidecar : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
