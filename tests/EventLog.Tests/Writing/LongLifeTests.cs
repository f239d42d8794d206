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
        var (records, bytes) = (0, 0);
        var store = new WatchedStore(new PrefixedStore(fixture.Store("sqlite"), Guid.NewGuid().ToString("N")))
        {
            Found = (key, stored) =>
            {
                Interlocked.Add(ref records, key.Contains(".r.", StringComparison.Ordinal) ? 1 : 0);
                Interlocked.Add(ref bytes, stored.Value.Length);
            },
        };
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

        (records, bytes) = (0, 0);
        await using var again = await OpenLog.StartAsync(store);
        var (toLong, toShort) = (await again.SubmitAsync("LONG", "add"), await again.SubmitAsync("SHORT", "add"));

        Assert.Equal((Events + 2L, 13L), (toLong.Version, toShort.Version));
        Assert.Equal(0, records);
        Assert.InRange(bytes, 1, 3000);
        Assert.InRange(await SizeAsync(store, Keys.Record(0, toLong.Position.Position)) - await SizeAsync(store, Keys.Record(0, toShort.Position.Position)), -20, 20);
    }

    [Fact]
    public async Task A_writer_that_others_have_relieved_for_long_reads_only_the_tail_too()
    {
        const int Records = 400;
        var read = 0;
        var name = Guid.NewGuid().ToString("N");
        var others = new WatchedStore(new PrefixedStore(fixture.Store("sqlite"), name));
        var store = new WatchedStore(new PrefixedStore(fixture.Store("sqlite"), name))
        {
            Found = (key, _) => Interlocked.Add(ref read, key.Contains(".r.", StringComparison.Ordinal) ? 1 : 0),
        };
        await using var relieved = await OpenLog.StartAsync(store);
        await relieved.SubmitAsync("A", "open");
        await using (var relief = await OpenLog.StartAsync(others))
        {
            for (var i = 0; i < Records; i++)
            {
                await relief.SubmitAsync("A", "add");
            }

            var tail = (await relief.SubmitAsync("A", "add")).Position.Position;
            await Eventually.True(
                async () => await others.ReadAsync(Keys.Head(0), CancellationToken.None) is { } head && Head.Read(head.Value).Position >= tail,
                "the head has reached the end of the log");
        }

        read = 0;
        var next = await relieved.SubmitAsync("A", "add");

        Assert.Equal(Records + 3L, next.Version);
        Assert.InRange(read, 0, 250);
    }

    private static async Task<int> SizeAsync(WatchedStore store, string key) => (await store.ReadAsync(key, TestContext.Current.CancellationToken))!.Value.Value.Length;
}
