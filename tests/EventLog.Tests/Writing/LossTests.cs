using EventLog.Tests.Stores;
using TestSupport;

namespace EventLog.Tests.Writing;

/// <summary>A store that loses or changes what it has acknowledged.</summary>
[Collection(OnRealStores.Name)]
public sealed class LossTests(StoresFixture fixture)
{
    [Fact]
    public async Task A_writer_whose_last_record_is_gone_stops_its_partition_and_says_so()
    {
        var store = Store();
        await using var log = await OpenLog.StartAsync(store);
        await log.SubmitAsync("S", "open");
        await store.DeleteAsync(Keys.Record(0, 1), TestContext.Current.CancellationToken);

        await Eventually.True(() => log.NotReady is { } reason && reason.Contains("0:1 was acknowledged and is gone", StringComparison.Ordinal), "the partition is stopped");
        Assert.True((await Assert.ThrowsAsync<LogUnavailableException>(() => log.SubmitAsync("S", "add"))).NotDone);
    }

    [Fact]
    public async Task A_writer_does_not_go_on_after_a_record_that_was_changed()
    {
        var store = Store();
        await using (var log = await OpenLog.StartAsync(store))
        {
            await log.SubmitAsync("S", "open");
        }

        var stored = (await store.ReadAsync(Keys.Record(0, 1), TestContext.Current.CancellationToken))!.Value;
        var changed = StoredRecord.Read(stored.Value, new LogPosition(0, 1)) with { Time = 1 };
        var text = System.Text.Encoding.UTF8.GetString(changed.Write()).Replace("\"time\":1", "\"time\":2", StringComparison.Ordinal);
        await store.ReplaceAsync(Keys.Record(0, 1), System.Text.Encoding.UTF8.GetBytes(text), stored.ETag, TestContext.Current.CancellationToken);

        await using var again = OpenLog.Begin(store);
        await Eventually.True(() => again.NotReady is { } reason && reason.Contains("0:1 was changed", StringComparison.Ordinal), "the partition is stopped before any command");
        await Assert.ThrowsAsync<LogUnavailableException>(() => again.SubmitAsync("S", "add"));
        Assert.Null(await store.ReadAsync(Keys.Record(0, 2), TestContext.Current.CancellationToken));
    }

    private PrefixedStore Store() => new(fixture.Store("sqlite"), Guid.NewGuid().ToString("N"));
}
