using TestSupport;

namespace EventLog.Tests.Stores;

/// <summary>The check of a store at first use.</summary>
[Collection(OnRealStores.Name)]
public sealed class StoreCheckTests(StoresFixture fixture)
{
    [Theory]
    [InlineData(Lie.EveryCreateIsAccepted, "32 of 32 creates of one key were accepted")]
    [InlineData(Lie.ARefusedCreateIsWritten, "an accepted create was overwritten by one that was refused")]
    [InlineData(Lie.KeysExpire, "an expiry that nobody asked for")]
    [InlineData(Lie.StaleETagsAreAccepted, "a write with a stale ETag was accepted")]
    [InlineData(Lie.BulkReadsAreLate, "a bulk read answers from the past (set State__BulkReads=false)")]
    [InlineData(Lie.TransactionsGoAstray, "what a transaction wrote is not found again")]
    [InlineData(Lie.WritesAreForgotten, "a key that was written is gone")]
    public async Task A_store_that_lies_is_refused_with_component_type_and_what_failed(Lie lie, string what)
    {
        var refused = await Assert.ThrowsAsync<LogRefusedException>(() => StoreCheck.RunAsync(new LyingStore(lie), "s", CancellationToken.None));

        Assert.StartsWith("State store component 'liar' (state.liar/v1) cannot hold the log or its views: ", refused.Message, StringComparison.Ordinal);
        Assert.Contains(what, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Lie.None)]
    [InlineData(Lie.KeysExpire)]
    public async Task No_scratch_keys_are_left_behind_also_when_the_store_is_refused(Lie lie)
    {
        var store = new LyingStore(lie);

        await Record.ExceptionAsync(() => StoreCheck.RunAsync(store, "s", CancellationToken.None));

        Assert.Empty(store.Keys);
    }

    public static IEnumerable<TheoryDataRow<string>> Stores() => StoresHost.Names.Select(name => new TheoryDataRow<string>(name));

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task A_store_that_keeps_its_word_passes_and_is_left_as_it_was(string name)
    {
        var store = fixture.Store(name);
        var scratch = Guid.NewGuid().ToString("N");

        var abilities = await StoreCheck.RunAsync(store, scratch, TestContext.Current.CancellationToken);

        Assert.Equal(name is not "redis", abilities.TransactionsHonourCreates);
        Assert.Empty(await store.ReadManyAsync([$"check.{scratch}", $"check.{scratch}.tx"], TestContext.Current.CancellationToken));
    }
}
