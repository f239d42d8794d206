using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Configuration;
using Proto = Dapr.Client.Autogen.Grpc.v1;

namespace ServiceDefaults;

/// <summary>
/// Reads state through the sidecar, by Dapr's own gRPC messages: the SDK's bulk read hides that an item has failed, which
/// would make it look missing.
/// </summary>
public sealed class StateReader : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);
    private readonly GrpcChannel _channel;
    private readonly Proto.Dapr.DaprClient _dapr;
    private readonly TimeProvider _time;
    private readonly Metadata _headers = [];

    /// <summary>Finds the sidecar as Dapr's SDK does: by <c>DAPR_GRPC_ENDPOINT</c>, else <c>DAPR_GRPC_PORT</c>. Does not call it.</summary>
    public StateReader(IConfiguration configuration, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        _channel = GrpcChannel.ForAddress(
            configuration["DAPR_GRPC_ENDPOINT"] is { Length: > 0 } endpoint ? new Uri(endpoint).GetLeftPart(UriPartial.Authority)
            : $"http://localhost:{(configuration["DAPR_GRPC_PORT"] is { Length: > 0 } port ? port : "50001")}");
        _dapr = new Proto.Dapr.DaprClient(_channel);
        _time = time;
        if (configuration["DAPR_API_TOKEN"] is { Length: > 0 } token)
        {
            _headers.Add("dapr-api-token", token);
        }
    }

    /// <summary>Reads one key with strong consistency; null when it is missing.</summary>
    /// <exception cref="RpcException">The sidecar or the store is away.</exception>
    public async Task<ReadOnlyMemory<byte>?> ReadAsync(string store, string key, CancellationToken cancellation)
    {
        var request = new Proto.GetStateRequest { StoreName = store, Key = key, Consistency = Proto.StateOptions.Types.StateConsistency.ConsistencyStrong };
        var answer = await _dapr.GetStateAsync(request, _headers, Deadline(), cancellation);

        // Without its type, null would become an empty value.
        return answer.Data.IsEmpty ? (ReadOnlyMemory<byte>?)null : answer.Data.Memory;
    }

    /// <summary>Reads many keys; missing ones are absent from the answer. A key that could not be read is an error.</summary>
    /// <exception cref="RpcException">The sidecar or the store is away, or one key could not be read.</exception>
    public async Task<IReadOnlyDictionary<string, ReadOnlyMemory<byte>>> ReadManyAsync(string store, IReadOnlyList<string> keys, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(keys);
        var found = new Dictionary<string, ReadOnlyMemory<byte>>(keys.Count);
        await ReadInto(found, store, keys, cancellation);
        return found;
    }

    /// <inheritdoc/>
    public void Dispose() => _channel.Dispose();

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
            answer = await _dapr.GetBulkStateAsync(request, _headers, Deadline(), cancellation);
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

    private DateTime Deadline() => _time.GetUtcNow().UtcDateTime + Patience;
}
