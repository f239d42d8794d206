namespace EventLog.Tests.Stores;

/// <summary>Ways in which a store may not keep its word.</summary>
public enum Lie
{
    None,
    EveryCreateIsAccepted,
    ARefusedCreateIsWritten,
    KeysExpire,
    StaleETagsAreAccepted,
    BulkReadsAreLate,
    TransactionsGoAstray,
    WritesAreForgotten,
}

/// <summary>A store in memory that tells one lie.</summary>
internal sealed class LyingStore(Lie lie) : IStateStore
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (byte[] Value, int ETag, byte[]? Before)> _rows = [];

    public string Name => "liar";

    public IReadOnlyCollection<string> Keys => _rows.Keys;

    public Task<string?> DescribeAsync(CancellationToken cancellation) => Task.FromResult<string?>("state.liar/v1");

    public Task<StoredValue?> ReadAsync(string key, CancellationToken cancellation)
    {
        lock (_gate)
        {
            return Task.FromResult<StoredValue?>(_rows.TryGetValue(key, out var row) ? Stored(row.Value, row.ETag) : null);
        }
    }

    public Task<IReadOnlyDictionary<string, StoredValue>> ReadManyAsync(IReadOnlyList<string> keys, CancellationToken cancellation)
    {
        lock (_gate)
        {
            return Task.FromResult<IReadOnlyDictionary<string, StoredValue>>(keys.Where(_rows.ContainsKey).ToDictionary(
                key => key,
                key => Stored(lie is Lie.BulkReadsAreLate ? _rows[key].Before ?? _rows[key].Value : _rows[key].Value, _rows[key].ETag)));
        }
    }

    public Task CreateAsync(string key, ReadOnlyMemory<byte> value, CancellationToken cancellation) => Write(key, value, exists =>
        lie is Lie.EveryCreateIsAccepted || !exists, lie is Lie.ARefusedCreateIsWritten);

    public Task ReplaceAsync(string key, ReadOnlyMemory<byte> value, string etag, CancellationToken cancellation) => Write(key, value, exists =>
        exists && (lie is Lie.StaleETagsAreAccepted || _rows[key].ETag.ToString(System.Globalization.CultureInfo.InvariantCulture) == etag));

    public async Task TransactAsync(IReadOnlyList<StateWrite> writes, CancellationToken cancellation)
    {
        foreach (var write in writes)
        {
            await Write(lie is Lie.TransactionsGoAstray ? $"{write.Key}.elsewhere" : write.Key, write.Value, exists => !exists);
        }
    }

    public Task DeleteAsync(string key, CancellationToken cancellation)
    {
        lock (_gate)
        {
            _rows.Remove(key);
            return Task.CompletedTask;
        }
    }

    private Task Write(string key, ReadOnlyMemory<byte> value, Func<bool, bool> allowed, bool writtenAnyway = false)
    {
        lock (_gate)
        {
            var exists = _rows.TryGetValue(key, out var row);
            var accepted = allowed(exists);
            if ((accepted || writtenAnyway) && lie is not Lie.WritesAreForgotten)
            {
                _rows[key] = (value.ToArray(), row.ETag + 1, exists ? row.Value : null);
            }

            return accepted ? Task.CompletedTask : Task.FromException(new IOException("refused"));
        }
    }

    private StoredValue Stored(byte[] value, int etag) =>
        new(value, etag.ToString(System.Globalization.CultureInfo.InvariantCulture), Expires: lie is Lie.KeysExpire);
}
