using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace ServiceDefaults;

/// <summary>
/// Guards what only the sidecar may call: subscriptions, deliveries, actors. Dapr sends <c>dapr-api-token</c> with every
/// call when <c>APP_API_TOKEN</c> is set; without it, nothing is guarded, as on a developer's machine.
/// </summary>
internal static class SidecarToken
{
    private const string Setting = "APP_API_TOKEN";
    private const string Scheme = "Dapr";

    /// <summary>True of every known route that is not meant for clients or probes, so that none can be forgotten.</summary>
    public static bool IsForSidecar(HttpContext context)
    {
        var path = context.Request.Path;
        return context.GetEndpoint() is not null
            && !path.StartsWithSegments("/v1")
            && !path.StartsWithSegments("/healthz")
            && !path.StartsWithSegments("/openapi");
    }

    public static void AddSidecarToken(this IServiceCollection services, IConfiguration configuration)
    {
        if (configuration[Setting] is { Length: > 0 } token)
        {
            services.AddAuthentication().AddDapr(options => options.Token = token);
        }
    }

    public static void UseSidecarToken(this WebApplication app)
    {
        if (app.Configuration[Setting] is not { Length: > 0 })
        {
            return;
        }

        app.Use(async (context, next) =>
        {
            if (IsForSidecar(context) && !(await context.AuthenticateAsync(Scheme)).Succeeded)
            {
                await Problems.WriteAsync(context, Problems.ByStatus(StatusCodes.Status401Unauthorized));
                return;
            }

            await next(context);
        });
    }
}
