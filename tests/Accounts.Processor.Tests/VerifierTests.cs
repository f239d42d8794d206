using System.Text.Json;
using Accounts.Contracts;
using Accounts.Processor.Consumers;
using Accounts.Processor.Functions;
using Accounts.Processor.Operations;
using Accounts.Processor.Tests.InProcess;
using Accounts.Processor.Verification;
using Microsoft.Extensions.Logging.Abstractions;

namespace Accounts.Processor.Tests;

/// <summary>Who of several replicas does a verification.</summary>
public class VerifierTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>A view that is filled and stands still, with a verification of it asked for; there is no replica that would do it.</summary>
    private static async Task<Operator> Asked(AccountWorld world, TimeProvider time)
    {
        var replica = world.Start("Functions=account");
        for (var i = 0; i < 20; i++)
        {
            await world.Create($"A-{i}");
        }

        await world.ReachesTheTail(Views.Account);
        await replica.Stop();
        var at = (await replica.Operator()) with { Views = world.Views, Time = time };
        Assert.Null(await VerificationOrders.BeginAsync(at, AccountView.Function, heal: false, Stop));
        return at;
    }

    private static Verifier VerifierOf(Operator at, string name) =>
        new(at, [AccountView.Function], new RowWriter(at.Views, createsInTransactions: true), name, NullLogger.Instance);

    private static async Task<VerificationRow> Row(Operator at) => (await VerificationOrders.ReadAsync(at, Views.Account, Stop))!;

    /// <summary>Makes the first read of rows of the view last, and ends when somebody waits for it.</summary>
    private static Task SlowRead(AccountWorld world, Operator at, Task until)
    {
        var reached = new TaskCompletionSource();
        var rows = RowKeys.Row(new ViewPointer(at.Log.Id, "1"), Views.Account, "");
        world.Views.Delay = keys => keys.Any(key => key.StartsWith(rows, StringComparison.Ordinal)) && reached.TrySetResult() ? until : Task.CompletedTask;
        return reached.Task;
    }

    [Fact]
    public async Task A_replica_that_is_slow_is_not_taken_for_dead()
    {
        await using var world = new AccountWorld();
        var time = new FastTime(5);
        var at = await Asked(world, time);
        var slow = new TaskCompletionSource();
        var reads = SlowRead(world, at, slow.Task);
        var (first, rival) = (VerifierOf(at, "first"), VerifierOf(at, "rival"));

        var working = first.LookAsync(Stop);
        await reads;
        for (var begun = time.GetTimestamp(); time.GetElapsedTime(begun) < 15 * Second;)
        {
            await rival.LookAsync(Stop);
            await Task.Delay(Second, time, Stop);
        }

        slow.SetResult();
        await working;
        Assert.Equal(("done", "first", 20, 0), await Row(at) is var row ? (row.State, row.Replica, row.Rows, row.Broken) : default);
    }

    [Fact]
    public async Task A_replica_that_is_dead_is_followed_by_another_and_changes_nothing_when_it_comes_back()
    {
        await using var world = new AccountWorld();
        var time = new FastTime(5);
        var at = await Asked(world, time);
        var slow = new TaskCompletionSource();
        var reads = SlowRead(world, at, slow.Task);
        var store = new Replica.MortalStore(world.Views);
        var (first, rival) = (VerifierOf(at with { Views = store }, "first"), VerifierOf(at, "rival"));

        var working = first.LookAsync(Stop);
        await reads;
        store.Dead = true;
        for (var begun = time.GetTimestamp(); (await Row(at)).State != "done" && time.GetElapsedTime(begun) < 60 * Second;)
        {
            await rival.LookAsync(Stop);
            await Task.Delay(Second, time, Stop);
        }

        var done = await Row(at);
        store.Dead = false;
        slow.SetResult();
        await Record.ExceptionAsync(() => working);
        Assert.Equal(("done", "rival", 20), (done.State, done.Replica, done.Rows));
        Assert.Equal(done.Beat, (await Row(at)).Beat);
    }
}
