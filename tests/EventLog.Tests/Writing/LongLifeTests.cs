using EventLog.Tests.Simulation;
using EventLog.Tests.Stores;
using TestSupport;

namespace EventLog.Tests.Writing;

/// <summary>What a log costs when it has become long.</summary>
[Collection(OnRealStores.Name)]
public sealed class LongLifeTests(StoresFixture fixture)
{
    private const int Events = 10_000;
    private const int AtOnce = 100;

    [Fact]
    public async Task A_stream_with_10000_events_costs_no_more_than_one_with_10_and_only_the_tail_is_read_at_the_start()
    {
        var store = new CountingStore(new PrefixedStore(fixture.Store("sqlite"), Guid.NewGuid().ToString("N")));
        await using (var log = await OpenLog.StartAsync(store))
        {
            await log.SubmitAsync("LONG", "open");
            await log.SubmitAsync("SHORT", "open");
            for (var i = 0; i < Events / AtOnce; i++)
            {
                await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(_ => log.SubmitAsync("LONG", "add")));
            }

            await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => log.SubmitAsync("SHORT", "add")));
            var tail = (await log.SubmitAsync("SHORT", "add")).Position.Position;
            await Eventually.True(
                async () => await store.ReadAsync(Keys.Head(0), CancellationToken.None) is { } head && Head.Read(head.Value).Position >= tail,
                "the head has reached the end of the log");
        }

        Assert.InRange(await SizeAsync(store, Keys.Snapshot(0, "LONG")) - await SizeAsync(store, Keys.Snapshot(0, "SHORT")), -20, 20);

        store.Forget();
        await using var again = await OpenLog.StartAsync(store);
        var (toLong, toShort) = (await again.SubmitAsync("LONG", "add"), await again.SubmitAsync("SHORT", "add"));

        Assert.Equal((Events + 2L, 13L), (toLong.Version, toShort.Version));
        Assert.Equal(0, store.RecordsRead);
        Assert.InRange(store.BytesRead, 1, 3000);
        Assert.InRange(await SizeAsync(store, Keys.Record(0, toLong.Position.Position)) - await SizeAsync(store, Keys.Record(0, toShort.Position.Position)), -20, 20);
    }

    private static async Task<int> SizeAsync(CountingStore store, string key) => (await store.ReadAsync(key, TestContext.Current.CancellationToken))!.Value.Value.Length;

    /// <summary>Counts what is found by reading.</summary>
    private sealed class CountingStore(IStateStore inner) : IStateStore
    {
        private int _records;
        private int _bytes;

        public string Name => inner.Name;

        public int RecordsRead => _records;

        public int BytesRead => _bytes;

        public void Forget() => (_records, _bytes) = (0, 0);

        public Task<string?> DescribeAsync(CancellationToken cancellation) => inner.DescribeAsync(cancellation);

        public async Task<StoredValue?> ReadAsync(string key, CancellationToken cancellation)
        {
            var found = await inner.ReadAsync(key, cancellation);
            Count(key, found?.Value.Length);
            return found;
        }

        public async Task<IReadOnlyDictionary<string, StoredValue>> ReadManyAsync(IReadOnlyList<string> keys, CancellationToken cancellation)
        {
            var found = await inner.ReadManyAsync(keys, cancellation);
            foreach (var (key, stored) in found)
            {
                Count(key, stored.Value.Length);
            }

            return found;
        }

        public Task CreateAsync(string key, ReadOnlyMemory<byte> value, CancellationToken cancellation) => inner.CreateAsync(key, value, cancellation);

        public Task ReplaceAsync(string key, ReadOnlyMemory<byte> value, string etag, CancellationToken cancellation) => inner.ReplaceAsync(key, value, etag, cancellation);

        public Task TransactAsync(IReadOnlyList<StateWrite> writes, CancellationToken cancellation) => inner.TransactAsync(writes, cancellation);

        public Task DeleteAsync(string key, CancellationToken cancellation) => inner.DeleteAsync(key, cancellation);

        private void Count(string key, int? bytes)
        {
            Interlocked.Add(ref _bytes, bytes ?? 0);
            Interlocked.Add(ref _records, bytes is > 0 && key.Contains(".r.", StringComparison.Ordinal) ? 1 : 0);
        }
    }
}
