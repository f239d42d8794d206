using System.Text.Json;
using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Sidecar.Server;

namespace Sidecar.State;

/// <summary>The gRPC API of states, which the SDK uses for everything.</summary>
internal static class StateGrpcApi
{
    private static readonly Empty Nothing = new();

    public static void Map(GrpcMethods methods, AppSidecar sidecar)
    {
        methods.Unary<GetStateRequest, GetStateResponse>("GetState", (request, call) => GetAsync(request, Store(request.StoreName), call));
        methods.Unary<GetBulkStateRequest, GetBulkStateResponse>("GetBulkState", (request, call) => GetManyAsync(request, Store(request.StoreName), call));
        methods.Unary<SaveStateRequest, Empty>("SaveState", (request, call) => SaveAsync(request, Store(request.StoreName), call));
        methods.Unary<DeleteStateRequest, Empty>("DeleteState", (request, call) => DeleteAsync(request, Store(request.StoreName), call));
        methods.Unary<DeleteBulkStateRequest, Empty>("DeleteBulkState", (request, call) => DeleteManyAsync(request, Store(request.StoreName), call));
        methods.Unary<ExecuteStateTransactionRequest, Empty>(
            "ExecuteStateTransaction", (request, call) => TransactAsync(request, Store(request.StoreName), call));
        methods.Unary<QueryStateRequest, QueryStateResponse>("QueryStateAlpha1", (request, _) => throw StateApi.CannotQuery(Store(request.StoreName)).Fault());

        StateComponent Store(string name) => sidecar.States.Find(name);
    }

    private static async Task<GetStateResponse> GetAsync(GetStateRequest request, StateComponent store, ServerCallContext call)
    {
        var response = new GetStateResponse();
        if (await StateApi.GetAsync(store, request.Key, call.CancellationToken) is { } row)
        {
            response.Data = UnsafeByteOperations.UnsafeWrap(row.Value);
            response.Etag = row.ETag;
            Add(response.Metadata, row);
        }

        return response;
    }

    private static async Task<GetBulkStateResponse> GetManyAsync(GetBulkStateRequest request, StateComponent store, ServerCallContext call)
    {
        var response = new GetBulkStateResponse();
        foreach (var (key, row, error) in await StateApi.GetManyAsync(store, request.Keys, call.CancellationToken))
        {
            var item = new BulkStateItem { Key = key, Error = error ?? "" };
            if (row is not null)
            {
                item.Data = UnsafeByteOperations.UnsafeWrap(row.Value);
                item.Etag = row.ETag;
                Add(item.Metadata, row);
            }

            response.Items.Add(item);
        }

        return response;
    }

    private static async Task<Empty> SaveAsync(SaveStateRequest request, StateComponent store, ServerCallContext call)
    {
        var writes = new StateWrite[request.States.Count];
        for (var i = 0; i < writes.Length; i++)
        {
            var item = request.States[i];
            if (item.Key.Length == 0)
            {
                throw new RpcException(new Grpc.Core.Status(StatusCode.InvalidArgument, "state key cannot be empty"));
            }

            writes[i] = Upsert(store, item, Value(item));
        }

        if (writes.Length > 0)
        {
            await StateApi.SaveAsync(store, writes, call.CancellationToken);
        }

        return Nothing;
    }

    private static async Task<Empty> DeleteAsync(DeleteStateRequest request, StateComponent store, ServerCallContext call)
    {
        await StateApi.DeleteAsync(
            store, StateApi.Delete(store, request.Key, request.Etag?.Value, Of(request.Options)), call.CancellationToken);
        return Nothing;
    }

    private static async Task<Empty> DeleteManyAsync(DeleteBulkStateRequest request, StateComponent store, ServerCallContext call)
    {
        if (request.States.Count > 0)
        {
            await StateApi.DeleteManyAsync(
                store, [.. request.States.Select(s => StateApi.Delete(store, s.Key, s.Etag?.Value, Of(s.Options)))], call.CancellationToken);
        }

        return Nothing;
    }

    private static async Task<Empty> TransactAsync(ExecuteStateTransactionRequest request, StateComponent store, ServerCallContext call)
    {
        var writes = new List<StateWrite>(request.Operations.Count);
        foreach (var operation in request.Operations)
        {
            var item = operation.Request ?? new StateItem();
            writes.Add(operation.OperationType switch
            {
                "upsert" => Upsert(store, item, item.Value.Memory),
                "delete" => StateApi.Delete(store, item.Key, item.Etag?.Value, Of(item.Options)),
                var other => throw StateApi.UnknownOperation(other).Fault(),
            });
        }

        await StateApi.TransactAsync(store, writes, call.CancellationToken);
        return Nothing;
    }

    private static StateWrite Upsert(StateComponent store, StateItem item, ReadOnlyMemory<byte> value) =>
        StateApi.Write(store, item.Key, value, item.Etag?.Value, Of(item.Options), item.Metadata);

    /// <summary>Bytes are stored as they are, except when the item says that they are JSON: then Dapr reads and writes them again.</summary>
    private static ReadOnlyMemory<byte> Value(StateItem item)
    {
        if (item.Metadata.Count == 0 || !item.Metadata.TryGetValue("contentType", out var type) || type != "application/json")
        {
            return item.Value.Memory;
        }

        try
        {
            return GoJson.Write(GoJson.Read(item.Value.Span));
        }
        catch (FormatException e)
        {
            throw new RpcException(new Grpc.Core.Status(StatusCode.Unknown, e.Message));
        }
    }

    private static Concurrency Of(StateOptions? options) => options?.Concurrency switch
    {
        StateOptions.Types.StateConcurrency.ConcurrencyFirstWrite => Concurrency.FirstWrite,
        StateOptions.Types.StateConcurrency.ConcurrencyLastWrite => Concurrency.LastWrite,
        _ => Concurrency.Unspecified,
    };

    private static void Add(MapField<string, string> metadata, StateRow row)
    {
        if (row.Expires is not null)
        {
            metadata.Add(row.Metadata.ToDictionary());
        }
    }
}
