namespace EventLog.Tests.Stores;

/// <summary>One test's keys in a component that all tests share.</summary>
internal sealed class PrefixedStore(IStateStore inner, string prefix) : IStateStore
{
    public string Name => inner.Name;

    public Task<string?> DescribeAsync(CancellationToken cancellation) => inner.DescribeAsync(cancellation);

    public Task DeleteAsync(string key, CancellationToken cancellation) => inner.DeleteAsync(prefix + key, cancellation);

    public Task<StoredValue?> ReadAsync(string key, CancellationToken cancellation) => inner.ReadAsync(prefix + key, cancellation);

    public async Task<IReadOnlyDictionary<string, StoredValue>> ReadManyAsync(IReadOnlyList<string> keys, CancellationToken cancellation) =>
        (await inner.ReadManyAsync([.. keys.Select(key => prefix + key)], cancellation)).ToDictionary(found => found.Key[prefix.Length..], found => found.Value);

    public Task CreateAsync(string key, ReadOnlyMemory<byte> value, CancellationToken cancellation) => inner.CreateAsync(prefix + key, value, cancellation);

    public Task ReplaceAsync(string key, ReadOnlyMemory<byte> value, string etag, CancellationToken cancellation) =>
        inner.ReplaceAsync(prefix + key, value, etag, cancellation);

    public Task TransactAsync(IReadOnlyList<StateWrite> writes, CancellationToken cancellation) =>
        inner.TransactAsync([.. writes.Select(w => w with { Key = prefix + w.Key })], cancellation);
}
