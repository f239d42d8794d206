namespace EventLog.Tests.Stores;

/// <summary>A store that tells of what is read, and lets a test hold a create back.</summary>
internal sealed class WatchedStore(IStateStore inner) : IStateStore
{
    /// <summary>Awaited before a key is created.</summary>
    public Func<string, Task> BeforeCreate { get; set; } = _ => Task.CompletedTask;

    /// <summary>Told of each key that was found.</summary>
    public Action<string, StoredValue> Found { get; set; } = (_, _) => { };

    public string Name => inner.Name;

    public Task<string?> DescribeAsync(CancellationToken cancellation) => inner.DescribeAsync(cancellation);

    public Task DeleteAsync(string key, CancellationToken cancellation) => inner.DeleteAsync(key, cancellation);

    public async Task<StoredValue?> ReadAsync(string key, CancellationToken cancellation)
    {
        var found = await inner.ReadAsync(key, cancellation);
        if (found is { } stored)
        {
            Found(key, stored);
        }

        return found;
    }

    public async Task<IReadOnlyDictionary<string, StoredValue>> ReadManyAsync(IReadOnlyList<string> keys, CancellationToken cancellation)
    {
        var found = await inner.ReadManyAsync(keys, cancellation);
        foreach (var (key, stored) in found)
        {
            Found(key, stored);
        }

        return found;
    }

    public async Task CreateAsync(string key, ReadOnlyMemory<byte> value, CancellationToken cancellation)
    {
        await BeforeCreate(key).WaitAsync(cancellation);
        await inner.CreateAsync(key, value, cancellation);
    }

    public Task ReplaceAsync(string key, ReadOnlyMemory<byte> value, string etag, CancellationToken cancellation) =>
        inner.ReplaceAsync(key, value, etag, cancellation);

    public Task TransactAsync(IReadOnlyList<StateWrite> writes, CancellationToken cancellation) => inner.TransactAsync(writes, cancellation);
}
