using System.Globalization;
using Grpc.Core;
using Sidecar.Server;

namespace Sidecar.State;

/// <summary>What the HTTP and the gRPC API of states have in common: the calls and their errors.</summary>
internal static class StateApi
{
    /// <summary>
    /// Saves one item, or several side by side: a bulk save is no transaction, and what one item meets does not keep the others
    /// from being written.
    /// </summary>
    /// <exception cref="DaprFault"/>
    public static async Task SaveAsync(StateComponent store, IReadOnlyList<StateWrite> writes, CancellationToken cancellation)
    {
        if (await store.WriteEachAsync(writes, cancellation) is { } failure)
        {
            throw Error("ERR_STATE_SAVE", $"failed saving state in state store {store.Name}: {failure.Message}", failure).Fault();
        }
    }

    /// <exception cref="DaprFault"/>
    public static async Task DeleteAsync(StateComponent store, StateWrite delete, CancellationToken cancellation) =>
        CheckDeleted(delete, await store.WriteAsync([delete], transaction: false, cancellation));

    /// <summary>Deletes several keys side by side.</summary>
    /// <exception cref="DaprFault"/>
    public static async Task DeleteManyAsync(StateComponent store, IReadOnlyList<StateWrite> deletes, CancellationToken cancellation) =>
        CheckDeleted(deletes[0], await store.WriteEachAsync(deletes, cancellation));

    private static void CheckDeleted(StateWrite delete, StateFailure? failure)
    {
        if (failure is not null)
        {
            var key = StateComponent.AppKey(delete.Key);
            throw Error("ERR_STATE_DELETE", $"failed deleting state with key {key}: {failure.Message}", failure).Fault();
        }
    }

    /// <summary>Runs a transaction. Whatever it fails of is Internal, also a conflict.</summary>
    /// <exception cref="DaprFault"/>
    public static async Task TransactAsync(StateComponent store, IReadOnlyList<StateWrite> writes, CancellationToken cancellation)
    {
        if (writes.Count > 0 && await store.WriteAsync(writes, transaction: true, cancellation) is { } failure)
        {
            throw new DaprError(
                "ERR_STATE_TRANSACTION",
                $"error while executing state transaction: {failure.Message}",
                StatusCodes.Status500InternalServerError,
                StatusCode.Internal).Fault();
        }
    }

    /// <exception cref="DaprFault"/>
    public static async ValueTask<StateRow?> GetAsync(StateComponent store, string key, CancellationToken cancellation)
    {
        try
        {
            return await store.GetAsync(StoredKey(store, key), cancellation);
        }
        catch (StoreException e)
        {
            throw new DaprError(
                "ERR_STATE_GET",
                $"fail to get {key} from state store {store.Name}: {e.Message}",
                StatusCodes.Status500InternalServerError,
                StatusCode.Internal).Fault();
        }
    }

    /// <summary>Reads several rows; a store that fails is an error of every key, as in Dapr, and not of the call.</summary>
    /// <exception cref="DaprFault">A key that no store may have; or a policy's time-out has passed.</exception>
    public static async ValueTask<IReadOnlyList<(string Key, StateRow? Row, string? Error)>> GetManyAsync(
        StateComponent store, IReadOnlyList<string> keys, CancellationToken cancellation)
    {
        var stored = new string[keys.Count];
        for (var i = 0; i < stored.Length; i++)
        {
            stored[i] = StoredKey(store, keys[i]);
        }

        try
        {
            var rows = await store.GetManyAsync(stored, cancellation);
            return [.. rows.Select(r => (StateComponent.AppKey(r.Key), r.Value, (string?)null))];
        }
        catch (StoreException e) when (e.TimedOut)
        {
            throw new DaprError("ERR_STATE_BULK_GET", e.Message, StatusCodes.Status500InternalServerError, StatusCode.DeadlineExceeded).Fault();
        }
        catch (StoreException e)
        {
            return [.. keys.Select(key => (key, (StateRow?)null, (string?)e.Message))];
        }
    }

    /// <summary>The write for an item of either API.</summary>
    /// <exception cref="DaprFault">A key that no store may have, or a wrong time to live.</exception>
    public static StateWrite Write(
        StateComponent store,
        string key,
        ReadOnlyMemory<byte> value,
        string? etag,
        Concurrency concurrency,
        IReadOnlyDictionary<string, string> metadata) => new(StoredKey(store, key), value)
        {
            ETag = etag,
            Concurrency = concurrency,
            Ttl = metadata.Count == 0 ? null : Ttl(store, metadata),
        };

    /// <exception cref="DaprFault"/>
    public static StateWrite Delete(StateComponent store, string key, string? etag, Concurrency concurrency) =>
        new(StoredKey(store, key), default) { IsDelete = true, ETag = etag, Concurrency = concurrency };

    /// <summary>The error of an operation in a transaction that is neither upsert nor delete.</summary>
    public static DaprError UnknownOperation(string operation) => new(
        "ERR_NOT_SUPPORTED_STATE_OPERATION",
        $"operation type {operation} not supported",
        StatusCodes.Status400BadRequest,
        StatusCode.Unimplemented);

    /// <summary>Neither of the stores here can be queried; Dapr says the same of its own SQLite and in-memory stores.</summary>
    public static DaprError CannotQuery(StateComponent store) => new(
        "ERR_STATE_STORE_NOT_SUPPORTED",
        "state store does not support querying",
        StatusCodes.Status500InternalServerError,
        StatusCode.Unimplemented,
        new ErrorDetails("DAPR_STATE_QUERYING_NOT_SUPPORTED", Resource: (store.Name, "state", "")));

    private static string StoredKey(StateComponent store, string key)
    {
        if (store.StoredKey(key) is { } stored)
        {
            return stored;
        }

        var message = $"input key/keyPrefix '{key}' can't contain '||'";
        var asHttp = $"api error: code = InvalidArgument desc = {message}";
        throw new DaprError(
            "ERR_MALFORMED_REQUEST",
            message,
            StatusCodes.Status400BadRequest,
            StatusCode.InvalidArgument,
            new ErrorDetails("DAPR_STATE_ILLEGAL_KEY", Resource: (store.Name, "state", ""), Violation: (key, asHttp)))
        {
            HttpMessage = asHttp,
        }.Fault();
    }

    private static TimeSpan? Ttl(StateComponent store, IReadOnlyDictionary<string, string> metadata)
    {
        if (!metadata.TryGetValue("ttlInSeconds", out var text) || text.Length == 0)
        {
            return null;
        }

        if (!int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var seconds) || seconds < -1)
        {
            throw SaveRefused(store, "error parsing TTL: incorrect value for metadata 'ttlInSeconds': must be -1 or greater").Fault();
        }

        return seconds > 0 ? TimeSpan.FromSeconds(seconds) : null;
    }

    /// <summary>The error of an item that the store's own checks refuse.</summary>
    public static DaprError SaveRefused(StateComponent store, string why) => new(
        "ERR_STATE_SAVE",
        $"failed saving state in state store {store.Name}: {why}",
        StatusCodes.Status500InternalServerError,
        StatusCode.Internal);

    private static DaprError Error(string code, string message, StateFailure failure) => failure.Kind switch
    {
        FailureKind.ETagMismatch => new(code, message, StatusCodes.Status409Conflict, StatusCode.Aborted),
        FailureKind.ETagInvalid => new(code, message, StatusCodes.Status400BadRequest, StatusCode.InvalidArgument),
        _ => new(code, message, StatusCodes.Status500InternalServerError, StatusCode.Internal),
    };
}
