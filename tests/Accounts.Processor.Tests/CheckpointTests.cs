using System.Text.Json;
using Accounts.Contracts;
using Accounts.Processor.Consumers;
using Accounts.Processor.Tests.InProcess;
using Microsoft.Extensions.Logging.Abstractions;

namespace Accounts.Processor.Tests;

public class CheckpointTests
{
    private const string Key = "0123abcd.checkpoint.1.account.3";
    private readonly SimulatedStore _store = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private long Stored => JsonSerializer.Deserialize(_store.Values[Key], ContractsJson.Default.CheckpointRow)!.Position;

    private async Task<Checkpoint> At(long position)
    {
        if (!_store.Values.ContainsKey(Key))
        {
            await _store.CreateAsync(Key, Checkpoint.ToJson(new CheckpointRow(position, position)), Stop);
        }

        return new Checkpoint(Key, Saver());
    }

    private CheckpointSaver Saver() => new(_store, new Outage("the views", new HastyTime(), new Random(1), NullLogger.Instance), new HastyTime());

    [Fact]
    public async Task It_is_saved_beside_the_work_and_what_is_left_is_saved_at_the_end()
    {
        var checkpoint = await At(0);
        await checkpoint.LoadAsync(Stop);
        Assert.Equal(0, checkpoint.Done);

        for (var position = 1; position <= 1_000; position++)
        {
            checkpoint.Advance(position, 1, Stop);
        }

        await checkpoint.FlushAsync();
        Assert.Equal(1_000, Stored);
        Assert.Equal(1_000, checkpoint.Done);
        Assert.True(_store.Writes.Count < 10);
    }

    [Fact]
    public async Task A_rival_that_has_come_further_wins()
    {
        var checkpoint = await At(5);
        var rival = await At(5);
        await checkpoint.LoadAsync(Stop);
        rival.Advance(90, 1, Stop);
        await rival.FlushAsync();

        checkpoint.Advance(7, 1, Stop);
        await checkpoint.FlushAsync();

        Assert.Equal(90, Stored);
        Assert.Equal(90, checkpoint.Done);
    }

    [Fact]
    public async Task It_never_goes_back_when_a_rival_saves_between_reading_and_writing()
    {
        var checkpoint = await At(5);
        var rival = await At(5);
        var overtaken = false;
        _store.BeforeWrite = async _ =>
        {
            if (!overtaken)
            {
                overtaken = true;
                rival.Advance(90, 1, Stop);
                await rival.FlushAsync();
            }
        };

        checkpoint.Advance(7, 1, Stop);
        await checkpoint.FlushAsync();

        Assert.Equal(90, Stored);
    }

    [Fact]
    public async Task A_store_that_is_away_for_a_while_delays_it_only()
    {
        var checkpoint = await At(0);
        var failures = 0;
        _store.BeforeRead = _ => FailTwice(ref failures);
        await checkpoint.LoadAsync(Stop);
        Assert.Equal(0, checkpoint.Done);
        failures = 0;

        checkpoint.Advance(3, 1, Stop);
        await checkpoint.FlushAsync();

        Assert.Equal(3, Stored);

        static void FailTwice(ref int failures)
        {
            if (failures++ < 2)
            {
                throw new IOException("away");
            }
        }
    }

    [Fact]
    public async Task Whoever_wants_it_saved_at_once_hurries_that_save_and_no_later_one()
    {
        var time = new HastyTime();
        await At(0);
        using var saver = new CheckpointSaver(_store, new Outage("the views", time, new Random(1), NullLogger.Instance), time);
        var checkpoint = new Checkpoint(Key, saver);
        await checkpoint.LoadAsync(Stop);
        await checkpoint.FlushAsync();
        Assert.Equal(0, time.Timers);

        checkpoint.Advance(1, 1, Stop);

        await TestSupport.Eventually.Holds(() => Assert.Equal(1, time.Timers));
        Assert.Equal(1, Stored);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Those_of_all_functions_are_saved_together_and_a_rival_of_one_holds_up_no_other(bool likeRedis)
    {
        var store = new SimulatedStore { LikeRedis = likeRedis };
        var keys = Enumerable.Range(0, 20).Select(i => $"0123abcd.checkpoint.1.function-{i}.3").ToList();
        foreach (var key in keys)
        {
            await store.CreateAsync(key, Checkpoint.ToJson(new CheckpointRow(5, 5)), Stop);
        }

        var calls = store.Writes.Count;
        using var saver = new CheckpointSaver(store, new Outage("the views", new HastyTime(), new Random(1), NullLogger.Instance), new HastyTime());
        var checkpoints = keys.Select(key => new Checkpoint(key, saver)).ToList();
        await Task.WhenAll(checkpoints.Select(checkpoint => checkpoint.LoadAsync(Stop)));
        store.BeforeWrite = writes =>
        {
            if (writes.Count > 1)
            {
                store.BeforeWrite = _ => Task.CompletedTask;
                store.Put(keys[^1], System.Text.Encoding.UTF8.GetString(Checkpoint.ToJson(new CheckpointRow(90, 90))));
            }

            return Task.CompletedTask;
        };

        checkpoints.ForEach(checkpoint => checkpoint.Advance(7, 2, Stop));
        await saver.FlushAsync();

        var stored = store.Values;
        Assert.All(keys.SkipLast(1), key => Assert.Equal(7, JsonSerializer.Deserialize(stored[key], ContractsJson.Default.CheckpointRow)!.Position));
        Assert.Equal(90, JsonSerializer.Deserialize(stored[keys[^1]], ContractsJson.Default.CheckpointRow)!.Position);
        Assert.Equal(90, checkpoints[^1].Done);
        var together = store.Writes.Skip(calls).Count(keysOfCall => keysOfCall.Length > 1);
        Assert.InRange(together, 1, 3);

        checkpoints.ForEach(checkpoint => checkpoint.Advance(100, 1, Stop));
        await saver.FlushAsync();
        Assert.All(keys, key => Assert.Equal(100, JsonSerializer.Deserialize(store.Values[key], ContractsJson.Default.CheckpointRow)!.Position));
    }
}
