using System.Collections.Concurrent;
using Dapr.Client;
using Grpc.Core;
using Autogen = Dapr.Client.Autogen.Grpc.v1;

namespace EventLog;

/// <summary>A state store component behind the service's own Dapr sidecar.</summary>
/// <param name="dapr">Writes.</param>
/// <param name="api">
/// The generated client, for reads: its messages say which item of a bulk read failed, where the SDK's method shows such
/// an item as missing, and whether a key expires.
/// </param>
/// <param name="name">The component's name.</param>
/// <param name="timeout">Time-out of one call. Afterwards a write may still happen.</param>
/// <param name="use">Null: everything that Dapr offers.</param>
public sealed class DaprStateStore(
    DaprClient dapr, Autogen.Dapr.DaprClient api, string name, TimeSpan timeout, StoreUse? use = null) : IStateStore
{
    private const int Singly = 16;
    private readonly StoreUse _use = use ?? new StoreUse();

    private static readonly StateOptions FirstWrite = new() { Concurrency = ConcurrencyMode.FirstWrite, Consistency = ConsistencyMode.Strong };
    private static readonly StateOptions LastWrite = new() { Concurrency = ConcurrencyMode.LastWrite, Consistency = ConsistencyMode.Strong };

    // 4 MiB is the sidecar's limit for an answer; pages of this size stay below it for all but the largest values.
    private const int PageKeys = 100;

    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public async Task<string?> DescribeAsync(CancellationToken cancellation)
    {
        using var deadline = Deadline(cancellation);
        var metadata = await api.GetMetadataAsync(new Autogen.GetMetadataRequest(), cancellationToken: deadline.Token);
        return metadata.RegisteredComponents.FirstOrDefault(c => c.Name == name) is { } component ? $"{component.Type}/{component.Version}" : null;
    }

    /// <inheritdoc/>
    public async Task<StoredValue?> ReadAsync(string key, CancellationToken cancellation)
    {
        using var deadline = Deadline(cancellation);
        var request = new Autogen.GetStateRequest { StoreName = name, Key = key, Consistency = Autogen.StateOptions.Types.StateConsistency.ConsistencyStrong };
        var response = await api.GetStateAsync(request, cancellationToken: deadline.Token);
        return response.Data.IsEmpty ? null : new StoredValue(response.Data.Memory, response.Etag, response.Metadata.ContainsKey("ttlExpireTime"));
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyDictionary<string, StoredValue>> ReadManyAsync(IReadOnlyList<string> keys, CancellationToken cancellation)
    {
        if (!_use.BulkReads)
        {
            return await ReadSinglyAsync(keys, cancellation);
        }

        var found = new Dictionary<string, StoredValue>(keys.Count);
        var page = PageKeys;
        for (var next = 0; next < keys.Count;)
        {
            var count = Math.Min(page, keys.Count - next);
            try
            {
                await ReadPageAsync(keys, next, count, found, cancellation);
                next += count;
            }
            catch (RpcException e) when (e.StatusCode is StatusCode.ResourceExhausted && count > 1)
            {
                page = count / 2;
            }
        }

        return found;
    }

    /// <inheritdoc/>
    public async Task CreateAsync(string key, ReadOnlyMemory<byte> value, CancellationToken cancellation)
    {
        using var deadline = Deadline(cancellation);
        await dapr.SaveByteStateAsync(name, key, value, FirstWrite, cancellationToken: deadline.Token);
    }

    /// <inheritdoc/>
    public async Task ReplaceAsync(string key, ReadOnlyMemory<byte> value, string etag, CancellationToken cancellation)
    {
        using var deadline = Deadline(cancellation);
        if (!await dapr.TrySaveByteStateAsync(name, key, value, etag, FirstWrite, cancellationToken: deadline.Token))
        {
            throw new IOException($"'{key}' in component '{name}' has changed since it was read.");
        }
    }

    /// <inheritdoc/>
    public async Task TransactAsync(IReadOnlyList<StateWrite> writes, CancellationToken cancellation)
    {
        if (!_use.Transactions)
        {
            await Parallel.ForEachAsync(writes, Several(cancellation), async (write, stop) => await WriteAsync(write, stop));
            return;
        }

        using var deadline = Deadline(cancellation);
        var operations = new StateTransactionRequest[writes.Count];
        for (var i = 0; i < operations.Length; i++)
        {
            var write = writes[i];
            operations[i] = new StateTransactionRequest(
                write.Key,
                write.Value.ToArray(),
                StateOperationType.Upsert,
                write.Condition is WriteCondition.Unchanged ? write.ETag : null,
                metadata: null,
                write.Condition is WriteCondition.Always ? LastWrite : FirstWrite);
        }

        await dapr.ExecuteStateTransactionAsync(name, operations, cancellationToken: deadline.Token);
    }

    /// <inheritdoc/>
    public async Task DeleteAsync(string key, CancellationToken cancellation)
    {
        using var deadline = Deadline(cancellation);
        await dapr.DeleteStateAsync(name, key, cancellationToken: deadline.Token);
    }

    private async Task<IReadOnlyDictionary<string, StoredValue>> ReadSinglyAsync(IReadOnlyList<string> keys, CancellationToken cancellation)
    {
        var found = new ConcurrentDictionary<string, StoredValue>();
        await Parallel.ForEachAsync(keys, Several(cancellation), async (key, stop) =>
        {
            if (await ReadAsync(key, stop) is { } stored)
            {
                found[key] = stored;
            }
        });
        return found;
    }

    private Task WriteAsync(StateWrite write, CancellationToken cancellation) => write.Condition switch
    {
        WriteCondition.Missing => CreateAsync(write.Key, write.Value, cancellation),
        WriteCondition.Unchanged => ReplaceAsync(write.Key, write.Value, write.ETag!, cancellation),
        _ => OverwriteAsync(write.Key, write.Value, cancellation),
    };

    private async Task OverwriteAsync(string key, ReadOnlyMemory<byte> value, CancellationToken cancellation)
    {
        using var deadline = Deadline(cancellation);
        await dapr.SaveByteStateAsync(name, key, value, LastWrite, cancellationToken: deadline.Token);
    }

    private static ParallelOptions Several(CancellationToken cancellation) => new() { MaxDegreeOfParallelism = Singly, CancellationToken = cancellation };

    private async Task ReadPageAsync(
        IReadOnlyList<string> keys, int first, int count, Dictionary<string, StoredValue> found, CancellationToken cancellation)
    {
        var request = new Autogen.GetBulkStateRequest { StoreName = name };
        for (var i = first; i < first + count; i++)
        {
            request.Keys.Add(keys[i]);
        }

        using var deadline = Deadline(cancellation);
        var response = await api.GetBulkStateAsync(request, cancellationToken: deadline.Token);
        foreach (var item in response.Items)
        {
            if (item.Error.Length > 0)
            {
                throw new IOException($"'{item.Key}' in component '{name}' could not be read: {item.Error}");
            }

            if (item.Data.Length > 0)
            {
                found[item.Key] = new StoredValue(item.Data.Memory, item.Etag);
            }
        }
    }

    private CancellationTokenSource Deadline(CancellationToken cancellation)
    {
        var source = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        source.CancelAfter(timeout);
        return source;
    }
}
