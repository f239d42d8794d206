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
    private static readonly Empty _empty = new();

    public static void Map(GrpcMethods methods, AppSidecar sidecar)
    {
        methods.Unary<GetStateRequest, GetStateResponse>("GetState", async (request, context) =>
        {
            var store = sidecar.States.Find(request.StoreName);
            var response = new GetStateResponse();
            if (await StateApi.GetAsync(store, request.Key, context.CancellationToken) is { } row)
            {
                response.Data = UnsafeByteOperations.UnsafeWrap(row.Value);
                response.Etag = row.ETag;
                Add(response.Metadata, row);
            }

            return response;
        });
        methods.Unary<GetBulkStateRequest, GetBulkStateResponse>("GetBulkState", async (request, context) =>
        {
            var store = sidecar.States.Find(request.StoreName);
            var response = new GetBulkStateResponse();
            foreach (var (key, row, error) in await StateApi.GetManyAsync(store, request.Keys, context.CancellationToken))
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
        });
        methods.Unary<SaveStateRequest, Empty>("SaveState", async (request, _) =>
        {
            var store = sidecar.States.Find(request.StoreName);
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
                await StateApi.SaveAsync(store, writes);
            }

            return _empty;
        });
        methods.Unary<DeleteStateRequest, Empty>("DeleteState", async (request, _) =>
        {
            var store = sidecar.States.Find(request.StoreName);
            await StateApi.DeleteAsync(store, [StateApi.Delete(store, request.Key, request.Etag?.Value, Of(request.Options))]);
            return _empty;
        });
        methods.Unary<DeleteBulkStateRequest, Empty>("DeleteBulkState", async (request, _) =>
        {
            var store = sidecar.States.Find(request.StoreName);
            if (request.States.Count > 0)
            {
                await StateApi.DeleteAsync(
                    store, [.. request.States.Select(s => StateApi.Delete(store, s.Key, s.Etag?.Value, Of(s.Options)))]);
            }

            return _empty;
        });
        methods.Unary<ExecuteStateTransactionRequest, Empty>("ExecuteStateTransaction", async (request, _) =>
        {
            var store = sidecar.States.Find(request.StoreName);
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

            await StateApi.TransactAsync(store, writes);
            return _empty;
        });
        methods.Unary<QueryStateRequest, QueryStateResponse>("QueryStateAlpha1", (request, _) =>
            throw StateApi.CannotQuery(sidecar.States.Find(request.StoreName)).Fault());
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
