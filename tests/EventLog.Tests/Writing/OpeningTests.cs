using EventLog.Tests.Stores;

namespace EventLog.Tests.Writing;

/// <summary>A writer that begins far from the end of the log, in a store that fails now and then.</summary>
[Collection(OnRealStores.Name)]
public sealed class OpeningTests(StoresFixture fixture)
{
    private const int Records = 250;

    [Fact]
    public async Task A_writer_comes_to_the_end_of_the_log_although_every_second_read_fails()
    {
        var store = new WeakStore(new PrefixedStore(fixture.Store("sqlite"), Guid.NewGuid().ToString("N")));
        await using (var log = await OpenLog.StartAsync(store))
        {
            await log.SubmitAsync("S", "open");
            for (var i = 1; i < Records; i++)
            {
                await log.SubmitAsync("S", "add");
            }
        }

        await using var again = await OpenLog.StartAsync(store);
        store.FailsToRead = true;
        var added = await again.SubmitAsync("S", "add");
        store.FailsToRead = false;

        Assert.Equal(Records + 1, added.Version);
    }

    /// <summary>Saves records and nothing else, so that all of them are to be read, and fails every second read when that is wanted.</summary>
    private sealed class WeakStore(IStateStore inner) : IStateStore
    {
        private int _reads;

        public bool FailsToRead { get; set; }

        public string Name => inner.Name;

        public Task<string?> DescribeAsync(CancellationToken cancellation) => inner.DescribeAsync(cancellation);

        public Task DeleteAsync(string key, CancellationToken cancellation) => inner.DeleteAsync(key, cancellation);

        public Task<StoredValue?> ReadAsync(string key, CancellationToken cancellation)
        {
            FailNowAndThen();
            return inner.ReadAsync(key, cancellation);
        }

        public Task<IReadOnlyDictionary<string, StoredValue>> ReadManyAsync(IReadOnlyList<string> keys, CancellationToken cancellation)
        {
            FailNowAndThen();
            return inner.ReadManyAsync(keys, cancellation);
        }

        public Task CreateAsync(string key, ReadOnlyMemory<byte> value, CancellationToken cancellation) =>
            Refused(key) ?? inner.CreateAsync(key, value, cancellation);

        public Task ReplaceAsync(string key, ReadOnlyMemory<byte> value, string etag, CancellationToken cancellation) =>
            Refused(key) ?? inner.ReplaceAsync(key, value, etag, cancellation);

        public Task TransactAsync(IReadOnlyList<StateWrite> writes, CancellationToken cancellation) =>
            writes.Select(write => Refused(write.Key)).FirstOrDefault(refused => refused is not null) ?? inner.TransactAsync(writes, cancellation);

        private static Task? Refused(string key) =>
            key.Contains(".s.", StringComparison.Ordinal) || key == Keys.Head(0) ? Task.FromException(new IOException("no snapshots here")) : null;

        private void FailNowAndThen()
        {
            if (FailsToRead && Interlocked.Increment(ref _reads) % 2 == 0)
            {
                throw new IOException("not now");
            }
        }
    }
}
