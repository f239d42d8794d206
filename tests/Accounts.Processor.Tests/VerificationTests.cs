using Accounts.Contracts;
using Accounts.Domain;
using Accounts.Processor.Functions;
using Accounts.Processor.Operations;
using Accounts.Processor.Tests.InProcess;
using Accounts.Processor.Verification;
using TestSupport;

namespace Accounts.Processor.Tests;

/// <summary>Rows that somebody has broken by hand.</summary>
public class VerificationTests
{
    private static readonly string[] ViewsOnly = ["Onboarding:Enabled=false"];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static async Task<VerificationRow> Verify(Replica replica, string view, bool heal)
    {
        var at = await replica.Operator();
        Assert.Null(await VerificationOrders.BeginAsync(at, (Function.View)Operator.Find(view)!, heal, Stop));
        return await Eventually.Gives(
            async () => await VerificationOrders.ReadAsync(at, view, Stop) is { State: "done" } done
                ? done
                : throw new TimeoutException($"The verification of {view} is not done: {string.Join(" | ", replica.Log.ToArray().TakeLast(5))}"),
            TimeSpan.FromSeconds(30));
    }

    private static async Task Work(AccountWorld world, int accounts)
    {
        await Parallel.ForEachAsync(Enumerable.Range(0, accounts), async (i, _) =>
        {
            await world.Create($"A-{i}", user: i % 5);
            await world.Send($"A-{i}", new AccountCommand.Confirm());
            await world.Send($"A-{i}", new AccountCommand.Activate());
        });
    }

    [Fact]
    public async Task What_is_broken_is_found_and_named_and_healed_when_that_is_asked_for()
    {
        await using var world = new AccountWorld();
        var replica = world.Start(ViewsOnly);
        var at = await world.At();
        await Work(world, 40);
        await world.ViewsEqualTheLog();
        await world.ReachesTheTail(Views.Account);
        var before = world.Views.Values;
        var place = (await world.ReadAll()).First(record => record.Events.Count > 0).Position;
        string[] account = [RowKeys.Account(at, "A-3"), RowKeys.Account(at, "A-4")];
        string[] history = [RowKeys.History(at, "A-5", 2), RowKeys.Feed(at, place.Partition, place.Position)];
        var index = before.Keys.First(key => key.StartsWith(RowKeys.Row(at, Views.Index, ""), StringComparison.Ordinal));
        world.Views.Lose(account[0]);
        world.Views.Put(account[1], System.Text.Encoding.UTF8.GetString(before[account[1]]).Replace("ACCOUNT_ACTIVE", "ACCOUNT_ARCHIVED", StringComparison.Ordinal));
        world.Views.Lose(history[0]);
        world.Views.Put(history[1], """{"items":[]}""");
        world.Views.Lose(index);

        var found = await Verify(replica, Views.Account, heal: false);
        Assert.Equal((40, 2, 0, 0), (found.Rows, found.Broken, found.Healed, found.Unsettled));
        Assert.Equal(account, found.BrokenRows.Order());
        Assert.Equal((120L, 120L), (found.EventsDone, found.EventsOf));
        Assert.DoesNotContain(account[0], world.Views.Values.Keys);
        foreach (var (view, rows) in new[] { (Views.Account, account), (Views.History, history), (Views.Index, [index]) })
        {
            var healed = await Verify(replica, view, heal: true);
            Assert.Equal((rows.Length, rows.Length), (healed.Broken, healed.Healed));
            Assert.Equal(rows.Order(), healed.BrokenRows.Order());
            Assert.Equal((0, 0), await Verify(replica, view, heal: false) is var clean ? (clean.Broken, clean.Unsettled) : default);
        }

        await world.ViewsEqualTheLog();
        await world.Send("A-3", new AccountCommand.Suspend());
        await world.ViewsEqualTheLog();
    }

    [Fact]
    public async Task What_goes_on_meanwhile_or_is_held_back_is_not_taken_for_broken()
    {
        var poison = new Poison(logged => logged is { Account: "A-3", Version: 2 }, Views.Account, Views.History, Views.Index);
        await using var world = new AccountWorld { As = poison.In };
        var replica = world.Start(ViewsOnly);
        await Work(world, 40);
        using var done = new CancellationTokenSource();
        var load = Task.Run(
            async () =>
            {
                for (var i = 0; !done.IsCancellationRequested; i++)
                {
                    await world.Send($"A-{i % 10}", i / 10 % 2 == 0 ? new AccountCommand.MakeDefault() : new AccountCommand.ClearDefault());
                    await Task.Delay(10, CancellationToken.None);
                }
            },
            Stop);

        foreach (var view in (string[])[Views.Account, Views.Index, Views.History])
        {
            var found = await Verify(replica, view, heal: false);
            Assert.Equal((view, 0), (view, found.Broken));
            Assert.True(found.Rows > 0);
        }

        await done.CancelAsync();
        await load;
    }
}
