using System.Security.Cryptography;
using System.Text;
using Accounts.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace ServiceDefaults;

/// <summary>
/// Guards what only the sidecar may call (subscriptions, deliveries, actors), and what only operators may. Dapr sends
/// <c>dapr-api-token</c> with every call when <c>APP_API_TOKEN</c> is set, and operators do the same; without it, nothing is guarded, as
/// on a developer's machine. The SDK's own scheme would do the same for routes that ask for it, but brings keys of ASP.NET's data
/// protection into the home directory.
/// </summary>
public static class SidecarToken
{
    private const string Setting = "APP_API_TOKEN";
    private const string Header = "dapr-api-token";

    private static readonly Problem ForOperators = Problems.ByStatus(StatusCodes.Status401Unauthorized) with
    {
        Title = "This address is for operators only",
        Detail = $"Send the app API token of the service in the header {Header}.",
    };

    /// <summary>The group of routes for operators: as for clients, but they ask for the token where one is set.</summary>
    public static RouteGroupBuilder MapForOperators(this WebApplication app, string prefix) => app.MapPublic(prefix)
        .WithMetadata(new OperatorsOnly())
        .Reads(Header, "The app API token of the service, where it has one (APP_API_TOKEN).")
        .Refuses(StatusCodes.Status401Unauthorized, "The service has an app API token, and the request does not.");

    /// <summary>True of every known route that is not meant for clients, operators or probes, so that none can be forgotten.</summary>
    internal static bool IsForSidecar(HttpContext context)
    {
        var path = context.Request.Path;
        return context.GetEndpoint() is not null
            && !path.StartsWithSegments("/v1")
            && !path.StartsWithSegments("/healthz")
            && !path.StartsWithSegments("/openapi");
    }

    internal static void UseSidecarToken(this WebApplication app)
    {
        if (app.Configuration[Setting] is not { Length: > 0 } token)
        {
            return;
        }

        var expected = Encoding.UTF8.GetBytes(token);
        app.Use((context, next) =>
        {
            var operators = context.GetEndpoint()?.Metadata.GetMetadata<OperatorsOnly>() is not null;
            var given = Encoding.UTF8.GetBytes(context.Request.Headers[Header].ToString());
            return (!operators && !IsForSidecar(context)) || CryptographicOperations.FixedTimeEquals(expected, given)
                ? next(context)
                : Problems.WriteAsync(context, operators ? ForOperators : Problems.ByStatus(StatusCodes.Status401Unauthorized));
        });
    }

    private sealed class OperatorsOnly;
}
