using Accounts.Contracts;
using Accounts.Processor.Consumers;
using Accounts.Processor.Functions;
using Accounts.Processor.Tests.InProcess;

namespace Accounts.Processor.Tests;

public class StartPositionTests
{
    private static readonly Function Late = ConfirmOnCreation.Function with { Name = "late", StartAt = StartAt.Tail };
    private static readonly Function LateView = AccountView.Function with { Name = "late-view" };

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static async Task Fix(AccountWorld world, params Function[] functions) =>
        await new StartPositions(world.Views, world.Reader).FixAsync(await world.Reader.DescribeAsync(Stop), functions, Stop);

    private static async Task<long[]> Starts(AccountWorld world, string function)
    {
        var at = await world.At();
        return [.. Enumerable.Range(0, AccountWorld.Partitions).Select(partition =>
            world.Row(RowKeys.Checkpoint(at, function, partition), ContractsJson.Default.CheckpointRow)!.Position)];
    }

    private static async Task<long[]> Tails(AccountWorld world)
    {
        var records = await world.ReadAll();
        return [.. Enumerable.Range(0, AccountWorld.Partitions).Select(partition =>
            records.Where(record => record.Position.Partition == partition).Max(record => (long?)record.Position.Position) ?? 0)];
    }

    private static async Task Fill(AccountWorld world, string prefix)
    {
        for (var i = 0; i < 40; i++)
        {
            await world.Create($"{prefix}-{i}");
        }
    }

    [Fact]
    public async Task What_a_log_holds_before_the_first_processor_is_for_every_function()
    {
        await using var world = new AccountWorld();
        await Fill(world, "A");

        await Fix(world, [.. FunctionList.All, Late]);

        Assert.All(await Starts(world, "late"), position => Assert.Equal(0, position));
        Assert.All(await Starts(world, Views.Account), position => Assert.Equal(0, position));
        Assert.Equal(await world.At(), world.Row(RowKeys.PointerTo(Views.Account), ContractsJson.Default.ViewPointer));
    }

    [Fact]
    public async Task A_function_that_is_added_later_begins_at_the_tail_and_a_view_at_the_beginning()
    {
        await using var world = new AccountWorld();
        await Fix(world, [.. FunctionList.All]);
        await Fill(world, "A");
        var tails = await Tails(world);

        await Fix(world, [.. FunctionList.All, Late, LateView]);
        await Fill(world, "B");
        await Fix(world, [.. FunctionList.All, Late, LateView]);

        Assert.Equal(tails, await Starts(world, "late"));
        Assert.All(await Starts(world, "late-view"), position => Assert.Equal(0, position));
    }

    [Fact]
    public async Task A_crash_while_they_are_fixed_skips_nothing_that_is_appended_meanwhile()
    {
        await using var world = new AccountWorld();
        await Fix(world, [.. FunctionList.All]);
        await Fill(world, "A");
        var tails = await Tails(world);
        var writes = 0;
        world.Views.BeforeWrite = _ => ++writes == 3 ? throw new IOException("away") : Task.CompletedTask;

        await Assert.ThrowsAsync<IOException>(() => Fix(world, [.. FunctionList.All, Late]));
        await Fill(world, "B");
        await Fix(world, [.. FunctionList.All, Late]);

        var starts = await Starts(world, "late");
        Assert.Equal(tails[..2], starts[..2]);
        Assert.Equal((await Tails(world))[2..], starts[2..]);
    }

    [Fact]
    public async Task Another_log_gets_rows_of_its_own()
    {
        var views = new SimulatedStore();
        await using (var before = new AccountWorld(views))
        {
            await Fix(before, [.. FunctionList.All]);
        }

        await using var world = new AccountWorld(views);
        await Fill(world, "A");
        await Fix(world, [.. FunctionList.All, Late]);

        Assert.Equal(await world.At(), world.Row(RowKeys.PointerTo(Views.History), ContractsJson.Default.ViewPointer));
        Assert.All(await Starts(world, "late"), position => Assert.Equal(0, position));
    }
}
