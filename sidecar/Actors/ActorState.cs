using Sidecar.Server;
using Sidecar.State;

namespace Sidecar.Actors;

/// <summary>One operation of an actor's state transaction; <see cref="HasTtl"/> is refused, as long as Dapr's feature for it is off.</summary>
internal sealed record ActorOperation(string Operation, string Key, ReadOnlyMemory<byte> Value, bool HasTtl)
{
    /// <exception cref="FormatException">The body is not a list of operations; in Go's words.</exception>
    public static IReadOnlyList<ActorOperation> Read(ReadOnlySpan<byte> body)
    {
        var operations = new List<ActorOperation>();
        foreach (var item in GoJson.Read(body, System.Text.Json.JsonValueKind.Array, "[]api.TransactionalOperation").EnumerateArray())
        {
            var request = item.Member("request") ?? default;
            operations.Add(new ActorOperation(
                item.Text("operation", "TransactionalOperation.operation") ?? "",
                request.Text("key", "TransactionalUpsert.key") ?? "",
                request.Member("value") is { } value ? GoJson.Write(value) : "null"u8.ToArray(),
                request.Member("metadata") is { } metadata && metadata.Member("ttlInSeconds") is not null));
        }

        return operations;
    }
}

/// <summary>
/// The state of actors, in the app's store that is marked for it. Keys do not follow the store's prefix, and nothing but the
/// actor being active here protects them, as in Dapr.
/// </summary>
internal static class ActorState
{
    /// <summary>One value; null when there is none. The actor need not be active.</summary>
    public static async Task<StateRow?> GetAsync(AppSidecar sidecar, string type, string id, string key, CancellationToken cancellation)
    {
        try
        {
            return await Store(sidecar).GetAsync($"{sidecar.App.AppId}||{type}||{id}||{key}", cancellation);
        }
        catch (StoreException e)
        {
            throw ActorErrors.StateGet(e.Message).Fault();
        }
    }

    /// <summary>Runs the operations as one transaction; ends when it is on disk.</summary>
    public static async Task SaveAsync(AppSidecar sidecar, string type, string id, IReadOnlyList<ActorOperation> operations, CancellationToken cancellation)
    {
        if (!sidecar.Actors.IsActive(type, id))
        {
            throw ActorErrors.InstanceMissing.Fault();
        }

        StateWrite[] writes = [.. operations.Select(o => Write(o, $"{sidecar.App.AppId}||{type}||{id}||"))];
        if (writes.Length == 0)
        {
            return;
        }

        StateFailure? failure;
        try
        {
            failure = await Store(sidecar).WriteAsync(writes, transaction: true, cancellation);
        }
        catch (StoreException e)
        {
            throw ActorErrors.StateSave(e.Message).Fault();
        }

        if (failure is not null)
        {
            throw ActorErrors.StateSave(failure.Message).Fault();
        }
    }

    private static StateWrite Write(ActorOperation operation, string prefix)
    {
        var why = operation switch
        {
            { Operation: "" } => "operation is empty",
            { Operation: not ("upsert" or "delete") } => $"operation type {operation.Operation} not supported",
            { Key: "" } => "missing key",
            { HasTtl: true, Operation: "upsert" } => "ttlInSeconds is not supported without the \"ActorStateTTL\" feature enabled",
            _ => null,
        };
        return why is null
            ? new StateWrite(prefix + operation.Key, operation.Value) { IsDelete = operation.Operation == "delete" }
            : throw ActorErrors.StateSave(why).Fault();
    }

    private static StateComponent Store(AppSidecar sidecar) =>
        sidecar.States.ActorStore ?? throw ActorErrors.NoStateStore.Fault();
}
