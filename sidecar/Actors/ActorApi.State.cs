using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Sidecar.Server;

namespace Sidecar.Actors;

/// <summary>The state of actors, over HTTP and gRPC.</summary>
internal static partial class ActorApi
{
    private static void MapState(IEndpointRouteBuilder routes, AppSidecar sidecar)
    {
        routes.MapGet("/v1.0/actors/{type}/{id}/state/{key}", http => GetStateAsync(http, sidecar));
        routes.MapMethods("/v1.0/actors/{type}/{id}/state", Writes, http => SaveStateAsync(http, sidecar));
    }

    private static void MapState(GrpcMethods methods, AppSidecar sidecar)
    {
        methods.Unary<GetActorStateRequest, GetActorStateResponse>("GetActorState", async (request, call) =>
        {
            RefuseReserved(request.ActorType);
            var response = new GetActorStateResponse();
            if (await ActorState.GetAsync(sidecar, request.ActorType, request.ActorId, request.Key, call.CancellationToken) is { } row)
            {
                response.Data = UnsafeByteOperations.UnsafeWrap(row.Value);
                response.Metadata.Add(row.Metadata.ToDictionary());
            }

            return response;
        });
        methods.Unary<ExecuteActorStateTransactionRequest, Empty>("ExecuteActorStateTransaction", async (request, call) =>
        {
            RefuseReserved(request.ActorType);
            await ActorState.SaveAsync(sidecar, request.ActorType, request.ActorId, [.. request.Operations.Select(Operation)], call.CancellationToken);
            return Nothing;
        });
    }

    private static async Task GetStateAsync(HttpContext http, AppSidecar sidecar)
    {
        var (type, id) = Addressed(http);
        var row = await ActorState.GetAsync(sidecar, type, id, http.Param("key"), http.RequestAborted);
        if (row is null || row.Value.IsEmpty)
        {
            await http.AnswerNothingAsync();
            return;
        }

        foreach (var (name, value) in row.Metadata)
        {
            http.Response.Headers["Metadata." + name] = value;
        }

        await http.AnswerJsonAsync(StatusCodes.Status200OK, row.Value);
    }

    private static async Task SaveStateAsync(HttpContext http, AppSidecar sidecar)
    {
        var (type, id) = Addressed(http);
        IReadOnlyList<ActorOperation> operations;
        try
        {
            operations = ActorOperation.Read(await http.BodyAsync());
        }
        catch (FormatException e)
        {
            throw ActorErrors.Malformed(e.Message).Fault();
        }

        await ActorState.SaveAsync(sidecar, type, id, operations, http.RequestAborted);
        await http.AnswerNothingAsync();
    }

    private static ActorOperation Operation(TransactionalActorStateOperation operation) => operation.OperationType switch
    {
        "upsert" => new ActorOperation(
            "upsert", operation.Key, (operation.Value?.Value ?? ByteString.Empty).Memory, operation.Metadata.ContainsKey("ttlInSeconds")),
        "delete" => new ActorOperation("delete", operation.Key, default, false),
        var other => throw new DaprError(
            "ERR_NOT_SUPPORTED_STATE_OPERATION", $"operation type {other} not supported", 500, StatusCode.Unimplemented).Fault(),
    };
}
