using EventLog;

namespace Accounts.Processor.Consumers;

/// <summary>A store whose small bulk reads and small transactions travel together (<see cref="SharedCalls{TCall, TResult}"/>).</summary>
internal sealed class SharedStore(IStateStore store, TimeProvider time) : IStateStore
{
    private const double KeysTogether = 100;
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(1);

    private readonly SharedCalls<IReadOnlyList<string>, IReadOnlyDictionary<string, StoredValue>> _reads = new(
        (calls, cancellation) => store.ReadManyAsync(calls is [var single] ? single : [.. calls.SelectMany(keys => keys).Distinct()], cancellation),
        keys => keys.Count / KeysTogether, _ => [], Silence, time);

    // No two write the same row in one transaction: of rivals one wins, as if they had come alone.
    private readonly SharedCalls<IReadOnlyList<StateWrite>, bool> _transactions = new(
        async (calls, cancellation) =>
        {
            await store.TransactAsync(calls is [var single] ? single : [.. calls.SelectMany(writes => writes)], cancellation);
            return true;
        },
        writes => Math.Max((double)writes.Count / RowWriter.RowsPerTransaction, writes.Sum(write => (double)write.Value.Length) / RowWriter.BytesPerTransaction),
        writes => writes.Select(write => write.Key), Silence, time);

    public string Name => store.Name;

    public Task<string?> DescribeAsync(CancellationToken cancellation) => store.DescribeAsync(cancellation);

    public Task<StoredValue?> ReadAsync(string key, CancellationToken cancellation) => store.ReadAsync(key, cancellation);

    public async Task<IReadOnlyDictionary<string, StoredValue>> ReadManyAsync(IReadOnlyList<string> keys, CancellationToken cancellation)
    {
        var found = await _reads.CallAsync(keys, cancellation);
        var own = new Dictionary<string, StoredValue>(keys.Count);
        foreach (var key in keys)
        {
            if (found.TryGetValue(key, out var value))
            {
                own[key] = value;
            }
        }

        return own;
    }

    public Task CreateAsync(string key, ReadOnlyMemory<byte> value, CancellationToken cancellation) => store.CreateAsync(key, value, cancellation);

    public Task ReplaceAsync(string key, ReadOnlyMemory<byte> value, string etag, CancellationToken cancellation) =>
        store.ReplaceAsync(key, value, etag, cancellation);

    public Task TransactAsync(IReadOnlyList<StateWrite> writes, CancellationToken cancellation) => _transactions.CallAsync(writes, cancellation);

    public Task DeleteAsync(string key, CancellationToken cancellation) => store.DeleteAsync(key, cancellation);
}
