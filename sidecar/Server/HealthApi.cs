using Grpc.Core;

namespace Sidecar.Server;

/// <summary><c>/v1.0/healthz</c> and <c>/v1.0/healthz/outbound</c>: 204, or 500 with the reason. No token is asked for.</summary>
internal static class HealthApi
{
    public static void Map(IEndpointRouteBuilder routes, AppSidecar sidecar)
    {
        routes.MapGet("/v1.0/healthz", http =>
            !sidecar.Ready ? http.AnswerAsync(Error("ERR_HEALTH_NOT_READY", "dapr is not ready: [app]"))
            : http.Request.Query["appid"] is [{ } id] && id != sidecar.App.AppId
                ? http.AnswerAsync(Error("ERR_HEALTH_APPID_NOT_MATCH", "dapr app-id does not match"))
            : http.AnswerNothingAsync());
        routes.MapGet("/v1.0/healthz/outbound", http => sidecar.OutboundReady
            ? http.AnswerNothingAsync()
            : http.AnswerAsync(Error("ERR_OUTBOUND_HEALTH_NOT_READY", "dapr outbound is not ready")));
    }

    private static DaprError Error(string code, string message) =>
        new(code, message, StatusCodes.Status500InternalServerError, StatusCode.Internal);
}
