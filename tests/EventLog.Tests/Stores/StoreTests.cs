using EventLog.Tests.Simulation;
using TestSupport;

namespace EventLog.Tests.Stores;

/// <summary>The log on a real sidecar, with each way in which Dapr's stores differ.</summary>
[Collection(OnRealStores.Name)]
public sealed class StoreTests(StoresFixture fixture)
{
    public static IEnumerable<TheoryDataRow<string>> Stores() => StoresHost.Names.Select(name => new TheoryDataRow<string>(name));

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task Two_rival_owners_write_one_log(string name)
    {
        var store = new PrefixedStore(fixture.Store(name), NewId());
        await using var one = await OpenLog.StartAsync(store);
        await using var two = await OpenLog.StartAsync(store);
        var open = Enumerable.Range(0, 20).Select(i => one.SubmitAsync($"S-{i}", "open"));
        Assert.All(await Task.WhenAll(open), o => Assert.Equal(OutcomeKind.Appended, o.Kind));

        var added = await Task.WhenAll(Enumerable.Range(0, 400).Select(i => (i % 2 == 0 ? one : two).SubmitAsync($"S-{i % 20}", "add")));
        Assert.All(added, o => Assert.Equal(OutcomeKind.Appended, o.Kind));
        Assert.Equal(20 * 20, added.Select((o, i) => (Stream: i % 20, o.Version)).Distinct().Count());

        var histories = await ReadAllAsync(store);
        Assert.Equal(20, histories.Count);
        Assert.All(histories.Values, versions => Assert.Equal(Enumerable.Range(1, 21).Select(v => (long)v), versions));
    }

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task A_log_that_is_opened_again_goes_on_from_its_snapshots(string name)
    {
        var inner = new PrefixedStore(fixture.Store(name), NewId());
        await using (var first = await OpenLog.StartAsync(inner))
        {
            await first.SubmitAsync("S-1", "open");
            await first.SubmitAsync("S-1", "add", key: "k1");
            await Eventually.True(
                async () => await inner.ReadAsync(Keys.Head(0), CancellationToken.None) is { } head && Head.Read(head.Value).Position == 2,
                "the head reaches the end of the log");
        }

        await using var again = await OpenLog.StartAsync(inner);
        var repeated = await again.SubmitAsync("S-1", "add", key: "k1");
        Assert.Equal((OutcomeKind.Appended, 2L, 2L), (repeated.Kind, repeated.Version, repeated.Position.Position));
        Assert.Equal(3, (await again.SubmitAsync("S-1", "add")).Version);
    }

    [Fact]
    public async Task Another_number_of_partitions_is_refused()
    {
        var store = new PrefixedStore(fixture.Store("sqlite"), NewId());
        await using (await OpenLog.StartAsync(store))
        {
        }

        var refused = await Assert.ThrowsAsync<LogRefusedException>(() => LogFile.OpenAsync(store, 3, NewId, CancellationToken.None));
        Assert.Contains("has 1 partitions, but 3 are configured", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pages_that_are_too_large_are_read_in_halves()
    {
        var store = fixture.Store("sqlite");
        var prefix = NewId().ToUpperInvariant();
        var value = new byte[300_000];
        Random.Shared.NextBytes(value);
        await Task.WhenAll(Enumerable.Range(0, 40).Select(i => store.CreateAsync($"{prefix}-{i}", value, CancellationToken.None)));
        var found = await store.ReadManyAsync([.. Enumerable.Range(0, 60).Select(i => $"{prefix}-{i}")], CancellationToken.None);
        Assert.Equal(40, found.Count);
    }

    [Fact]
    public async Task A_record_that_was_changed_is_found_by_its_digest()
    {
        var store = new PrefixedStore(fixture.Store("sqlite"), NewId());
        await using (var log = await OpenLog.StartAsync(store))
        {
            await log.SubmitAsync("S-1", "open");
            await log.SubmitAsync("S-1", "add");
            await log.SubmitAsync("S-1", "add");
        }

        var record = (await store.ReadAsync(Keys.Record(0, 2), CancellationToken.None))!.Value;
        var changed = System.Text.Encoding.UTF8.GetString(record.Value.Span).Replace("\"By\":1", "\"By\":9", StringComparison.Ordinal);
        await store.ReplaceAsync(Keys.Record(0, 2), System.Text.Encoding.UTF8.GetBytes(changed), record.ETag, CancellationToken.None);
        var broken = await Assert.ThrowsAsync<LogBrokenException>(
            () => new LogReader(store, TimeProvider.System).ReadAsync(0, 0, 10, CancellationToken.None));
        Assert.Equal(new LogPosition(0, 3), broken.Position);
    }

    private static string NewId() => Guid.NewGuid().ToString("N");

    private static async Task<Dictionary<string, List<long>>> ReadAllAsync(IStateStore store)
    {
        var reader = new LogReader(store, TimeProvider.System);
        var versions = new Dictionary<string, List<long>>();
        for (var after = 0L; ;)
        {
            var records = await reader.ReadAsync(0, after, 50, CancellationToken.None);
            if (records.Count == 0)
            {
                return versions;
            }

            foreach (var e in records.SelectMany(r => r.Events))
            {
                (versions.TryGetValue(e.Stream, out var seen) ? seen : versions[e.Stream] = []).Add(e.Version);
            }

            after = records[^1].Position.Position;
        }
    }
}
