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

        return new Checkpoint(Key, _store, new Outage("the views", TimeProvider.System, NullLogger.Instance), new HastyTime(), new Random(1));
    }

    [Fact]
    public async Task It_is_saved_beside_the_work_and_what_is_left_is_saved_at_the_end()
    {
        using var checkpoint = await At(0);
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
        using var checkpoint = await At(5);
        using var rival = await At(5);
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
        using var checkpoint = await At(5);
        using var rival = await At(5);
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
        using var checkpoint = await At(0);
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
}
