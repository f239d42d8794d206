using Dapr.Client.Autogen.Grpc.v1;
using Grpc.Core;

namespace Sidecar.Server;

/// <summary>
/// Building blocks that this sidecar does not have. It answers as a Dapr does to which nobody gave a component of that kind.
/// </summary>
internal static class OutsideApi
{
    private static readonly DaprError _noLock = new(
        "ERR_LOCK_STORE_NOT_CONFIGURED", "lock store is not configured", StatusCodes.Status500InternalServerError, StatusCode.FailedPrecondition);
    private static readonly DaprError _noConfiguration = new(
        "ERR_CONFIGURATION_STORE_NOT_CONFIGURED",
        "configuration stores not configured",
        StatusCodes.Status500InternalServerError,
        StatusCode.FailedPrecondition);

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1.0-alpha1/lock/{store}", http => http.AnswerAsync(_noLock));
        routes.MapPost("/v1.0-alpha1/unlock/{store}", http => http.AnswerAsync(_noLock));
        routes.MapGet("/v1.0/configuration/{store}/{**rest}", http => http.AnswerAsync(_noConfiguration));
        routes.MapGet("/v1.0-alpha1/configuration/{store}/{**rest}", http => http.AnswerAsync(_noConfiguration));
        routes.MapMethods("/v1.0/bindings/{name}", [HttpMethods.Post, HttpMethods.Put], http => http.AnswerAsync(NoBinding(http.Param("name"))));
    }

    public static void Map(GrpcMethods methods)
    {
        methods.Unary<TryLockRequest, TryLockResponse>("TryLockAlpha1", (_, _) => throw _noLock.Fault());
        methods.Unary<UnlockRequest, UnlockResponse>("UnlockAlpha1", (_, _) => throw _noLock.Fault());
        methods.Unary<GetConfigurationRequest, GetConfigurationResponse>("GetConfiguration", (_, _) => throw _noConfiguration.Fault());
        methods.Unary<GetConfigurationRequest, GetConfigurationResponse>("GetConfigurationAlpha1", (_, _) => throw _noConfiguration.Fault());
        methods.Unary<InvokeBindingRequest, InvokeBindingResponse>("InvokeBinding", (request, _) => throw NoBinding(request.Name).Fault());
    }

    private static DaprError NoBinding(string name) => new(
        "ERR_INVOKE_OUTPUT_BINDING",
        $"error invoking output binding {name}: couldn't find output binding {name}",
        StatusCodes.Status500InternalServerError,
        StatusCode.Internal);
}
