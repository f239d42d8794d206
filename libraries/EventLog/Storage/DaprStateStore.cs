using System.Collections.Concurrent;
using Google.Protobuf;
using Grpc.Core;
using Autogen = Dapr.Client.Autogen.Grpc.v1;
using StateOptions = Dapr.Client.Autogen.Grpc.v1.StateOptions;

namespace EventLog;

/// <summary>A state store component behind the service's own Dapr sidecar.</summary>
/// <param name="api">
/// The generated client of the SDK: its messages say which item of a bulk read failed, where the SDK's own method shows such
/// an item as missing, and whether a key expires; and they take values without copying them two times.
/// </param>
/// <param name="name">The component's name.</param>
/// <param name="timeout">Time-out of one call. Afterwards a write may still happen.</param>
/// <param name="use">Null: everything that Dapr offers.</param>
public sealed class DaprStateStore(
    Autogen.Dapr.DaprClient api, string name, TimeSpan timeout, StoreUse? use = null) : IStateStore
{
    private const int Singly = 16;
    private readonly StoreUse _use = use ?? new StoreUse();

    private static readonly StateOptions FirstWrite = Options(StateOptions.Types.StateConcurrency.ConcurrencyFirstWrite);
    private static readonly StateOptions LastWrite = Options(StateOptions.Types.StateConcurrency.ConcurrencyLastWrite);

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
        var request = new Autogen.GetStateRequest { StoreName = name, Key = key, Consistency = StateOptions.Types.StateConsistency.ConsistencyStrong };
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
    public Task CreateAsync(string key, ReadOnlyMemory<byte> value, CancellationToken cancellation) =>
        SaveAsync(Item(new StateWrite(key, value, WriteCondition.Missing)), cancellation);

    /// <inheritdoc/>
    public Task ReplaceAsync(string key, ReadOnlyMemory<byte> value, string etag, CancellationToken cancellation) =>
        SaveAsync(Item(new StateWrite(key, value, WriteCondition.Unchanged, etag)), cancellation);

    /// <inheritdoc/>
    public async Task TransactAsync(IReadOnlyList<StateWrite> writes, CancellationToken cancellation)
    {
        if (!_use.Transactions)
        {
            await Parallel.ForEachAsync(writes, Several(cancellation), async (write, stop) => await SaveAsync(Item(write), stop));
            return;
        }

        using var deadline = Deadline(cancellation);
        var request = new Autogen.ExecuteStateTransactionRequest { StoreName = name };
        foreach (var write in writes)
        {
            request.Operations.Add(new Autogen.TransactionalStateOperation { OperationType = "upsert", Request = Item(write) });
        }

        await api.ExecuteStateTransactionAsync(request, cancellationToken: deadline.Token);
    }

    /// <inheritdoc/>
    public async Task DeleteAsync(string key, CancellationToken cancellation)
    {
        using var deadline = Deadline(cancellation);
        await api.DeleteStateAsync(new Autogen.DeleteStateRequest { StoreName = name, Key = key }, cancellationToken: deadline.Token);
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

    private async Task SaveAsync(Autogen.StateItem item, CancellationToken cancellation)
    {
        using var deadline = Deadline(cancellation);
        await api.SaveStateAsync(new Autogen.SaveStateRequest { StoreName = name, States = { item } }, cancellationToken: deadline.Token);
    }

    private static Autogen.StateItem Item(StateWrite write)
    {
        var item = new Autogen.StateItem
        {
            Key = write.Key,
            Value = UnsafeByteOperations.UnsafeWrap(write.Value),
            Options = write.Condition is WriteCondition.Always ? LastWrite : FirstWrite,
        };
        if (write.Condition is WriteCondition.Unchanged)
        {
            item.Etag = new Autogen.Etag { Value = write.ETag };
        }

        return item;
    }

    private static StateOptions Options(StateOptions.Types.StateConcurrency concurrency) =>
        new() { Concurrency = concurrency, Consistency = StateOptions.Types.StateConsistency.ConsistencyStrong };

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
