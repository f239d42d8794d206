using System.Text.Json.Serialization;
using Accounts.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;

namespace ServiceDefaults;

/// <summary>What every service has in common.</summary>
public static class ServiceSetup
{
    private const int KestrelLimit = 5 * 1024 * 1024;

    /// <summary>
    /// Registers what every service uses: JSON, logs, telemetry, the Dapr client, readiness, the OpenAPI document. Nothing here needs
    /// the sidecar to be there: a service may start long before it.
    /// </summary>
    /// <param name="builder">The application.</param>
    /// <param name="title">The service's name for people, in the OpenAPI document.</param>
    /// <param name="purpose">What it is for, in one sentence.</param>
    public static WebApplicationBuilder AddServiceDefaults(this WebApplicationBuilder builder, string title, string purpose)
    {
        ArgumentNullException.ThrowIfNull(builder);

        // First in line, so that files and environment variables override it.
        builder.Configuration.Sources.Insert(0, new MemoryConfigurationSource { InitialData = Defaults });

        // Calls of the sidecar may have Dapr's 4 MiB; requests of clients are bounded by RequestBody, which can still answer.
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = KestrelLimit;
        });

        var services = builder.Services;
        services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(15));

        // Unknown members are refused by the types of requests themselves: the OpenAPI document must leave answers open.
        services.Configure<JsonOptions>(json =>
        {
            json.SerializerOptions.NumberHandling = JsonNumberHandling.Strict;
            json.SerializerOptions.RespectRequiredConstructorParameters = true;
            json.SerializerOptions.RespectNullableAnnotations = true;
            json.SerializerOptions.AllowDuplicateProperties = false;
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, ContractsJson.Default);
        });
        services.TryAddSingleton(TimeProvider.System);
        services.AddSidecarClients();
        services.AddSingleton<StateReader>();
        services.AddReadiness();
        builder.AddTelemetry();
        services.AddOpenApiDocument(title, purpose);
        return builder;
    }

    /// <summary>
    /// The part of the pipeline that every request passes (correlation, faults, problems, the sidecar's token), and the
    /// addresses that every service has (health, OpenAPI). Call it before mapping routes.
    /// </summary>
    public static WebApplication UseServiceDefaults(this WebApplication app)
    {
        ArgumentNullException.ThrowIfNull(app);
        app.UseCorrelation();
        app.Use(Faults.InvokeAsync);
        app.UseSidecarToken();
        app.MapHealth();
        app.MapOpenApi().ExcludeFromDescription();
        return app;
    }

    /// <summary>
    /// The group of routes for clients. All answer JSON (406 when the client accepts none) and none is cached unless it
    /// says so. Everything outside <c>/v1</c>, <c>/healthz</c> and <c>/openapi</c> is for the sidecar only.
    /// </summary>
    public static RouteGroupBuilder MapPublic(this WebApplication app, string prefix)
    {
        ArgumentNullException.ThrowIfNull(app);
        return app.MapGroup(prefix)
            .AddEndpointFilter(Negotiation.FilterAsync)
            .Refuses(400, "The request is malformed: one entry for each wrong member or header.")
            .Refuses(406, "The client accepts neither JSON nor HAL.")
            .Refuses(500, "A fault of the service.")
            .Refuses(503, "Something that the service needs is away: try again after Retry-After.");
    }

    private static readonly Dictionary<string, string?> Defaults = new()
    {
        ["Logging:LogLevel:Default"] = "Information",
        ["Logging:LogLevel:Microsoft.AspNetCore"] = "Warning",
        // Were it on, the web server would make an activity for every request, though nobody reads it.
        ["Logging:LogLevel:Microsoft.AspNetCore.Hosting.Diagnostics"] = "None",
        ["Logging:LogLevel:Microsoft.Hosting.Lifetime"] = "Warning",
        ["Logging:LogLevel:System.Net.Http"] = "Warning",
        ["Logging:LogLevel:Grpc"] = "Warning",
        ["Logging:LogLevel:Dapr"] = "Warning",
        ["Logging:Console:FormatterName"] = "json",
        ["Logging:Console:FormatterOptions:IncludeScopes"] = "true",
        ["Logging:Console:FormatterOptions:UseUtcTimestamp"] = "true",
        ["Logging:Console:FormatterOptions:TimestampFormat"] = "yyyy-MM-ddTHH:mm:ss.fffZ",
    };
}
