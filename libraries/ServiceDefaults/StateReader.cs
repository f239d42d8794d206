using System.Collections.Concurrent;
using Grpc.Core;
using Microsoft.Extensions.Configuration;
using Proto = Dapr.Client.Autogen.Grpc.v1;

namespace ServiceDefaults;

/// <summary>
/// Reads state through the sidecar, by Dapr's own gRPC messages: the SDK's bulk read hides that an item has failed, which
/// would make it look missing. Setting: <c>State:BulkReads</c>; false where bulk reads may answer from the past.
/// </summary>
public sealed class StateReader(Proto.Dapr.DaprClient dapr, IConfiguration configuration, TimeProvider time)
{
    private const int Singly = 16;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);
    private readonly bool _bulkReads = configuration.GetValue("State:BulkReads", true);

    /// <summary>Reads one key with strong consistency; null when it is missing.</summary>
    /// <exception cref="RpcException">The sidecar or the store is away.</exception>
    public async Task<ReadOnlyMemory<byte>?> ReadAsync(string store, string key, CancellationToken cancellation)
    {
        var request = new Proto.GetStateRequest { StoreName = store, Key = key, Consistency = Proto.StateOptions.Types.StateConsistency.ConsistencyStrong };
        var answer = await dapr.GetStateAsync(request, deadline: Deadline(), cancellationToken: cancellation);

        // Without its type, null would become an empty value.
        return answer.Data.IsEmpty ? (ReadOnlyMemory<byte>?)null : answer.Data.Memory;
    }

    /// <summary>Reads many keys; missing ones are absent from the answer. A key that could not be read is an error.</summary>
    /// <exception cref="RpcException">The sidecar or the store is away, or one key could not be read.</exception>
    public async Task<IReadOnlyDictionary<string, ReadOnlyMemory<byte>>> ReadManyAsync(string store, IReadOnlyList<string> keys, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(keys);
        if (!_bulkReads)
        {
            return await ReadSinglyAsync(store, keys, cancellation);
        }

        var found = new Dictionary<string, ReadOnlyMemory<byte>>(keys.Count);
        await ReadInto(found, store, keys, cancellation);
        return found;
    }

    private async Task<IReadOnlyDictionary<string, ReadOnlyMemory<byte>>> ReadSinglyAsync(
        string store, IReadOnlyList<string> keys, CancellationToken cancellation)
    {
        var found = new ConcurrentDictionary<string, ReadOnlyMemory<byte>>();
        await Parallel.ForEachAsync(keys, new ParallelOptions { MaxDegreeOfParallelism = Singly, CancellationToken = cancellation }, async (key, stop) =>
        {
            if (await ReadAsync(store, key, stop) is { } value)
            {
                found[key] = value;
            }
        });
        return found;
    }

    private async Task ReadInto(Dictionary<string, ReadOnlyMemory<byte>> found, string store, IReadOnlyList<string> keys, CancellationToken cancellation)
    {
        if (keys.Count == 0)
        {
            return;
        }

        var request = new Proto.GetBulkStateRequest { StoreName = store, Parallelism = 32 };
        request.Keys.AddRange(keys);
        Proto.GetBulkStateResponse answer;
        try
        {
            answer = await dapr.GetBulkStateAsync(request, deadline: Deadline(), cancellationToken: cancellation);
        }
        catch (RpcException tooLarge) when (tooLarge.StatusCode == StatusCode.ResourceExhausted && keys.Count > 1)
        {
            await ReadInto(found, store, [.. keys.Take(keys.Count / 2)], cancellation);
            await ReadInto(found, store, [.. keys.Skip(keys.Count / 2)], cancellation);
            return;
        }

        foreach (var item in answer.Items)
        {
            if (item.Error.Length > 0)
            {
                throw new RpcException(new Status(StatusCode.Unavailable, $"{item.Key}: {item.Error}"));
            }

            if (!item.Data.IsEmpty)
            {
                found[item.Key] = item.Data.Memory;
            }
        }
    }

    private DateTime Deadline() => time.GetUtcNow().UtcDateTime + Patience;
}
