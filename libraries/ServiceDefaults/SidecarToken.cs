using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace ServiceDefaults;

/// <summary>
/// Guards what only the sidecar may call: subscriptions, deliveries, actors. Dapr sends <c>dapr-api-token</c> with every
/// call when <c>APP_API_TOKEN</c> is set; without it, nothing is guarded, as on a developer's machine. The SDK's own scheme
/// would do the same for routes that ask for it, but brings keys of ASP.NET's data protection into the home directory.
/// </summary>
internal static class SidecarToken
{
    private const string Setting = "APP_API_TOKEN";
    private const string Header = "dapr-api-token";

    /// <summary>True of every known route that is not meant for clients or probes, so that none can be forgotten.</summary>
    public static bool IsForSidecar(HttpContext context)
    {
        var path = context.Request.Path;
        return context.GetEndpoint() is not null
            && !path.StartsWithSegments("/v1")
            && !path.StartsWithSegments("/healthz")
            && !path.StartsWithSegments("/openapi");
    }

    public static void UseSidecarToken(this WebApplication app)
    {
        if (app.Configuration[Setting] is not { Length: > 0 } token)
        {
            return;
        }

        var expected = Encoding.UTF8.GetBytes(token);
        app.Use((context, next) =>
            !IsForSidecar(context) || CryptographicOperations.FixedTimeEquals(expected, Encoding.UTF8.GetBytes(context.Request.Headers[Header].ToString()))
                ? next(context)
                : Problems.WriteAsync(context, Problems.ByStatus(StatusCodes.Status401Unauthorized)));
    }
}
