using EventLog;

namespace Accounts.Processor.Tests.InProcess;

/// <summary>A store of which the answer to every so-manieth write is lost, for as long as a test wants.</summary>
internal sealed class ForgetfulStore(IStateStore inner, int every) : IStateStore
{
    private int _writes;

    /// <summary>All answers arrive.</summary>
    public bool Calm { get; set; }

    public string Name => inner.Name;

    public Task<string?> DescribeAsync(CancellationToken cancellation) => inner.DescribeAsync(cancellation);

    public Task<StoredValue?> ReadAsync(string key, CancellationToken cancellation) => inner.ReadAsync(key, cancellation);

    public Task<IReadOnlyDictionary<string, StoredValue>> ReadManyAsync(IReadOnlyList<string> keys, CancellationToken cancellation) =>
        inner.ReadManyAsync(keys, cancellation);

    public Task CreateAsync(string key, ReadOnlyMemory<byte> value, CancellationToken cancellation) =>
        Answered(inner.CreateAsync(key, value, cancellation));

    public Task ReplaceAsync(string key, ReadOnlyMemory<byte> value, string etag, CancellationToken cancellation) =>
        Answered(inner.ReplaceAsync(key, value, etag, cancellation));

    public Task TransactAsync(IReadOnlyList<StateWrite> writes, CancellationToken cancellation) => Answered(inner.TransactAsync(writes, cancellation));

    public Task DeleteAsync(string key, CancellationToken cancellation) => inner.DeleteAsync(key, cancellation);

    private async Task Answered(Task write)
    {
        await write;
        if (!Calm && Interlocked.Increment(ref _writes) % every == 0)
        {
            throw new IOException("no answer");
        }
    }
}
