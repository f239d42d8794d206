using EventLog.Tests.Simulation;
using EventLog.Tests.Stores;

namespace EventLog.Tests.Writing;

/// <summary>A record has a limit in bytes, whatever makes it large: commands, answers or events.</summary>
[Collection(OnRealStores.Name)]
public sealed class RecordSizeTests(StoresFixture fixture)
{
    private const int Commands = 400;
    private static readonly string Large = new('x', 4000);

    // Every answer holds the whole state, and every event and every key counts as well.
    private static readonly Decider<Tally, TallyCommand, TallyEvent> LargeStates = Tallies.Decider with
    {
        Evolve = (state, e) => new Tally((state?.Value ?? 0) + e.By, Large),
    };

    [Theory]
    [InlineData("add", true)]
    [InlineData("add", false)]
    [InlineData("open", true)]
    public async Task A_batch_whose_record_would_be_too_large_is_committed_in_several_and_answered_in_order(string verb, bool keyed)
    {
        var store = new PrefixedStore(fixture.Store("sqlite"), Guid.NewGuid().ToString("N"));
        await using var log = await OpenLog.StartAsync(store, LargeStates);
        await log.SubmitAsync("S-1", "open");

        var answers = await Task.WhenAll(Enumerable.Range(0, Commands).Select(i => log.SubmitAsync("S-1", verb, keyed ? $"{new string('k', 200)}{i}" : null)));

        var appends = verb is "add";
        Assert.All(answers, answer => Assert.Equal(appends ? OutcomeKind.Appended : OutcomeKind.Refused, answer.Kind));
        Assert.Equal(Enumerable.Range(0, Commands).Select(i => appends ? i + 2L : 1), answers.Select(answer => answer.Version));
        var sizes = await SizesAsync(store);
        Assert.All(sizes, size => Assert.InRange(size, 1, new LogOptions().BatchBytes));

        // Few and full, not one for each command.
        Assert.InRange(sizes.Count, Commands * Large.Length / new LogOptions().BatchBytes, 30);
    }

    [Fact]
    public void A_limit_above_that_of_a_record_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new LogOptions { BatchBytes = (1 << 20) + 1 });

    private static async Task<List<int>> SizesAsync(PrefixedStore store)
    {
        var sizes = new List<int>();
        while (await store.ReadAsync(Keys.Record(0, sizes.Count + 1), TestContext.Current.CancellationToken) is { } record)
        {
            sizes.Add(record.Value.Length);
        }

        return sizes;
    }
}
