using System.Collections.Concurrent;
using Accounts.Contracts;
using Accounts.Domain;
using Accounts.Processor.Functions;
using Accounts.Processor.Generations;
using Accounts.Processor.Operations;
using Accounts.Processor.Tests.InProcess;
using Microsoft.Extensions.Logging.Abstractions;
using TestSupport;

namespace Accounts.Processor.Tests;

/// <summary>Views that are made again while they are written and read.</summary>
public class GenerationTests
{
    private static readonly string[] AccountViewOnly = [$"Functions={Views.Account}"];
    private static readonly Function.View Newer = AccountView.Function with { Version = 7 };

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static Task<string?> Rebuild(Replica replica, string view = Views.Account) => Rebuild(replica, (Function.View)Operator.Find(view)!);

    private static async Task<string?> Rebuild(Replica replica, Function.View view)
    {
        var at = await replica.Operator();
        return await GenerationOrders.RebuildAsync(at.Controls, view, at.Log.Partitions, at.Views, at.Time.GetUtcNow(), Stop);
    }

    private static async Task<string?> RollBack(Replica replica) =>
        await GenerationOrders.RollBackAsync((await replica.Operator()).Controls, AccountView.Function, Stop);

    private static async Task<IReadOnlyList<GenerationBody>> Generations(Replica replica) =>
        (await FunctionReport.ReadAsync(await replica.Operator(), FunctionList.All, Stop)).Generations(AccountView.Function);

    /// <summary>Changes accounts until told to stop; what was acknowledged is in the answer's version.</summary>
    private static async Task Change(AccountWorld world, CancellationToken until)
    {
        for (var i = 0; !until.IsCancellationRequested; i++)
        {
            await world.Send($"A-{i % 20}", i / 20 % 2 == 0 ? new AccountCommand.MakeDefault() : new AccountCommand.ClearDefault());
            await Task.Delay(2, CancellationToken.None);
        }
    }

    /// <summary>A client that asks one replica of the query service after the other, and must never go back in time.</summary>
    private static async Task<int> Query(AccountWorld world, QueryReplica[] queries, ConcurrentQueue<string> complaints, CancellationToken until)
    {
        var seen = new Dictionary<string, long>();
        var asked = 0;
        for (; !until.IsCancellationRequested; asked++)
        {
            var number = $"A-{asked % 20}";
            var version = await queries[asked % 3 % queries.Length].Version(number);
            if (version < seen.GetValueOrDefault(number))
            {
                complaints.Enqueue($"{number} went from {seen[number]} back to {version}");
            }

            seen[number] = version;
            await Task.Delay(1, CancellationToken.None);
        }

        return asked;
    }

    private static async Task Fill(AccountWorld world, int accounts)
    {
        await Parallel.ForEachAsync(Enumerable.Range(0, accounts), async (i, _) =>
        {
            await world.Create($"A-{i}");
            await world.Send($"A-{i}", new AccountCommand.Confirm());
        });
    }

    [Fact]
    public async Task A_view_is_rebuilt_and_rolled_back_under_load_and_nobody_goes_back_in_time()
    {
        await using var world = new AccountWorld();
        static void Silent(Replica replica) => replica.Call = (_, _, _) => throw new IOException("no actors");
        var first = world.Start(Silent, AccountViewOnly);
        world.Start(Silent, AccountViewOnly);
        await Fill(world, 20);
        await world.ViewsEqualTheLog(row => row.Key.Contains(".account.", StringComparison.Ordinal));
        // The generation that is to take over is slower than the live one, so that it lags behind it unless it is made to lead.
        var slow = ".account.2.";
        world.Views.BeforeWrite = writes => Task.Delay(writes.Any(write => write.Key.Contains(slow, StringComparison.Ordinal)) ? 100 : 1, CancellationToken.None);
        using var done = new CancellationTokenSource();
        QueryReplica[] queries = [new(world), new(world)];
        var complaints = new ConcurrentQueue<string>();
        var changes = Change(world, done.Token);
        var asking = Query(world, queries, complaints, done.Token);

        Assert.Null(await Rebuild(first));
        Assert.NotNull(await Rebuild(first));
        await Eventually.Holds(async () => Assert.Equal(["kept", "live"], (await Generations(first)).Select(generation => generation.State)), TimeSpan.FromSeconds(30));
        Assert.Equal("2", await world.Live(first, Views.Account));
        slow = ".account.1.";
        Assert.Null(await RollBack(first));
        await Eventually.Holds(async () => Assert.Equal(["live", "kept"], (await Generations(first)).Select(generation => generation.State)), TimeSpan.FromSeconds(30));
        Assert.Equal("1", await world.Live(first, Views.Account));
        await done.CancelAsync();
        await changes;

        Assert.True(await asking > 100);
        Assert.Empty(complaints);
        Assert.All(queries, query => Assert.Equal(["1", "2", "1"], query.Generations));
        await world.GenerationEqualsTheLog(Views.Account, "1");
        await world.GenerationEqualsTheLog(Views.Account, "2");
    }

    [Fact]
    public async Task A_rebuild_goes_on_where_it_was_when_processors_are_killed()
    {
        await using var world = new AccountWorld();
        var replica = world.Start(AccountViewOnly);
        await Fill(world, 300);
        Assert.Null(await Rebuild(replica));
        var chance = new Random(9);
        for (var life = 0; life < 5; life++)
        {
            var (writes, victim) = (chance.Next(3, 20), replica);
            world.Views.AfterWrite = _ =>
            {
                if (Interlocked.Decrement(ref writes) == 0)
                {
                    victim.Kill();
                }
            };
            await Task.Delay(chance.Next(300, 900), Stop);
            victim.Kill();
            replica = world.Start(AccountViewOnly);
        }

        world.Views.AfterWrite = _ => { };

        Assert.Equal("2", await world.Live(replica, Views.Account));
        await world.GenerationEqualsTheLog(Views.Account, "2");
    }

    [Fact]
    public async Task An_account_that_only_the_new_generation_cannot_take_keeps_the_switch_waiting()
    {
        var bad = false;
        await using var world = new AccountWorld
        {
            As = function => function is not Function.View { Name: Views.Account } view ? function : view with
            {
                Fold = (at, logged, rows) => at.Generation == "2" && Volatile.Read(ref bad) && logged is { Account: "A-7", Version: 2 }
                    ? throw new InvalidOperationException("a bug of the new fold")
                    : view.Fold(at, logged, rows),
            },
        };
        var replica = world.Start(AccountViewOnly);
        await Fill(world, 20);
        Volatile.Write(ref bad, true);
        Assert.Null(await Rebuild(replica));
        await Eventually.True(
            async () => (await Parking.ParkedEvents.ListAsync(await replica.Operator(), null, null, 10, Stop)).Items is [{ Generation: "2", State: HeldStates.Parked }], "it is parked");
        await Task.Delay(TimeSpan.FromSeconds(4), Stop);
        Assert.Equal("live", (await Generations(replica))[0].State);

        Volatile.Write(ref bad, false);
        Assert.True(await Parking.ParkedEvents.WishAsync(await replica.Operator(), "account.2.A-7.2", HeldWishes.Replay, Stop));

        Assert.Equal("2", await world.Live(replica, Views.Account));
        await world.GenerationEqualsTheLog(Views.Account, "2");
    }

    [Fact]
    public async Task A_rebuild_can_be_given_up_and_no_id_is_used_twice_and_an_older_version_leaves_a_newer_fold_alone()
    {
        await using var world = new AccountWorld { As = Folds(1) };
        var older = world.Start(AccountViewOnly);
        await Fill(world, 20);
        var at = await older.Operator();
        Assert.Equal("There is no generation before this one, or it was dropped.", await RollBack(older));
        Assert.Null(await Rebuild(older, Newer));
        await world.ViewsEqualTheLog(row => row.Key.Contains(".account.", StringComparison.Ordinal));
        var control = (await at.Controls.ReadAsync([AccountView.Function], Stop))[Views.Account];
        Assert.Equal(["1", "2v7"], control.Row.Generations.Select(generation => generation.Id));
        Assert.DoesNotContain(world.Views.Values.Keys, key => key.Contains(".account.2v7.", StringComparison.Ordinal));

        Assert.Null(await RollBack(older));
        Assert.Null(await Rebuild(older));
        Assert.Equal(["1", "3"], (await at.Controls.ReadAsync([AccountView.Function], Stop))[Views.Account].Row.Generations.Select(generation => generation.Id));
        Assert.Equal("3", await world.Live(older, Views.Account));
        Assert.Null(await GenerationOrders.DropAsync(at.Controls, AccountView.Function, Stop));
        var later = 0;
        await Eventually.Holds(async () =>
        {
            var number = $"LATER-{++later}";
            await world.Create(number);
            await world.GenerationEqualsTheLog(Views.Account, "3");
            Assert.DoesNotContain(RowKeys.Account(new ViewPointer(at.Log.Id, "1"), number), world.Views.Values.Keys);
        });
        Assert.NotNull(await RollBack(older));
    }

    [Fact]
    public async Task A_generation_that_nobody_has_begun_to_fill_does_not_lead_however_short_the_log_is()
    {
        await using var world = new AccountWorld { As = Folds(1) };
        var older = world.Start(AccountViewOnly);
        await Fill(world, 20);
        var at = await older.Operator();
        Assert.Null(await Rebuild(older, Newer));

        // It has heard of the generation, and has looked at it several times since.
        var looks = 0;
        var row = FunctionRow.Key(at.Log.Id, Views.Account);
        world.Views.BeforeRead = keys => looks += keys.Contains(row) ? 1 : 0;
        await Eventually.True(() => Volatile.Read(ref looks) > 4, "the replica has looked at what operators want");
        world.Views.BeforeRead = _ => { };

        Assert.Equal(ChangePhase.Filling, (await Control(older)).Row.Change?.Phase);
        await world.Create("GOES-ON");
        await world.GenerationEqualsTheLog(Views.Account, "1");
    }

    [Fact]
    public async Task A_generation_that_leads_is_given_up_when_nobody_is_left_who_can_fill_it()
    {
        await using var world = new AccountWorld { As = Folds(1) };
        var first = world.Start(AccountViewOnly);
        await Fill(world, 20);
        await world.GenerationEqualsTheLog(Views.Account, "1");
        await first.Stop();
        world.As = Folds(7);
        var newer = world.Start(AccountViewOnly);
        Assert.Null(await Rebuild(newer, Newer));
        await Eventually.True(async () => (await Control(newer)).Row.Change?.Phase is ChangePhase.Leading, "the new generation leads");
        await newer.Stop();
        world.As = Folds(1);
        var older = world.Start(AccountViewOnly);
        await world.Create("WAITS");

        Assert.Null(await RollBack(older));
        Assert.Equal(ChangePhase.GivingUp, (await Control(older)).Row.Change?.Phase);
        Assert.Null(await RollBack(older));

        Assert.Equal("1", await world.Live(older, Views.Account));
        await world.GenerationEqualsTheLog(Views.Account, "1");
        Assert.Equal(["1"], (await Control(older)).Row.Generations.Select(generation => generation.Id));
    }

    private static Func<Function, Function> Folds(int version) => function => function is Function.View view ? view with { Version = version } : function;

    private static async Task<FunctionControl> Control(Replica replica) =>
        (await (await replica.Operator()).Controls.ReadAsync([AccountView.Function], Stop))[Views.Account];

    [Fact]
    public async Task Orders_go_by_the_generation_that_is_live_when_they_are_noted()
    {
        foreach (var (order, then) in new (Func<FunctionControls, Task<string?>>, string)[]
        {
            (controls => GenerationOrders.DropAsync(controls, AccountView.Function, Stop), "2 "),
            (controls => GenerationOrders.RollBackAsync(controls, AccountView.Function, Stop), "1,2 1"),
        })
        {
            var views = new SimulatedStore();
            var controls = new FunctionControls(
                "0123abcd", [AccountView.Function], views,
                new Consumers.Outage("the views", TimeProvider.System, new Random(1), NullLogger.Instance), TimeProvider.System);
            await controls.ChangeAsync(Views.Account, row => row with { Last = 2, Generations = [new Generation("1", 1), new Generation("2", 1)] }, Stop);
            var pointer = RowKeys.PointerTo(Views.Account);
            views.Put(pointer, """{"logId":"0123abcd","generation":"1"}""");

            // Another replica makes the other generation the live one just before the row is read that the order changes.
            views.BeforeRead = keys =>
            {
                if (keys is [var key] && key == FunctionRow.Key("0123abcd", Views.Account))
                {
                    views.Put(pointer, """{"logId":"0123abcd","generation":"2"}""");
                }
            };

            Assert.Null(await order(controls));

            var row = (await controls.ReadAsync([AccountView.Function], Stop))[Views.Account].Row;
            Assert.Equal(then, $"{string.Join(',', row.Generations.Select(generation => generation.Id))} {row.Change?.To}");
        }
    }

    [Fact]
    public async Task A_rebuild_tells_how_fast_it_is_and_runs_no_policy_and_no_publisher_again()
    {
        await using var world = new AccountWorld();
        var replica = world.Start();

        // So many records in each partition that the new generation is not near the live one from the beginning.
        for (var i = 0; i < 200; i++)
        {
            await world.Create($"A-{i}");
        }

        await world.ViewsEqualTheLog();
        await Eventually.Holds(() => Assert.Equal(600, world.Broker.Messages.Count()));
        var (sent, asked) = (world.Keys.Count, world.Broker.Asked);
        var (goOn, written) = (false, 0);
        world.Views.BeforeWrite = writes =>
        {
            var ofNew = writes.Any(write => write.Key.Contains(".account.2.", StringComparison.Ordinal));
            if (ofNew && !Volatile.Read(ref goOn) && Interlocked.Increment(ref written) > 1)
            {
                throw new IOException("away");
            }

            return Task.CompletedTask;
        };

        foreach (var view in (string[])[Views.Account, Views.History, Views.Index])
        {
            Assert.Null(await Rebuild(replica, view));
        }

        // One partition is folded, and the rest is still to come.
        await Eventually.Holds(async () =>
        {
            var filled = Assert.Single(await Generations(replica), generation => generation.State == "filling");
            Assert.Equal(600, filled.EventsOf);
            Assert.InRange(filled.EventsDone, 1, 599);
            Assert.True(filled is { EventsPerSecond: > 0, SecondsLeft: > 0 }, filled.ToString());
        });
        Volatile.Write(ref goOn, true);
        foreach (var view in (string[])[Views.Account, Views.History, Views.Index])
        {
            Assert.Equal("2", await world.Live(replica, view));
            await world.GenerationEqualsTheLog(view, "2");
        }

        Assert.Equal((sent, asked), (world.Keys.Count, world.Broker.Asked));
        await world.Create("LATER");
        await Eventually.Holds(() => Assert.Equal(603, world.Broker.Messages.Count()));
    }

    [Fact]
    public async Task A_function_that_is_paused_takes_nothing_on_any_replica_until_it_is_resumed()
    {
        await using var world = new AccountWorld();
        var first = world.Start(AccountViewOnly);
        await world.Create("A-1");
        await world.ViewsEqualTheLog(row => row.Key.Contains(".account.", StringComparison.Ordinal));
        var at = await first.Operator();
        await at.Controls.ChangeAsync(Views.Account, row => row with { Paused = true }, Stop);
        await Task.Delay(FunctionControls.Every * 2, Stop);
        await world.Create("A-2");
        await first.Stop();
        var second = world.Start(AccountViewOnly);
        await world.Create("A-3");
        var report = await Eventually.Gives(async () =>
        {
            var found = (await FunctionReport.ReadAsync(await second.Operator(), FunctionList.All, Stop)).Of(AccountView.Function);
            Assert.True(found is { State: "paused", LagEvents: 2, LagSeconds: > 0 }, found.ToString());
            return found;
        });
        Assert.Equal("view", report.Kind);
        Assert.Single(LogFold.RowsIn(world.Views.Values, await world.At()), row => row.Key.Contains(".account.", StringComparison.Ordinal));

        await (await second.Operator()).Controls.ChangeAsync(Views.Account, row => row with { Paused = false }, Stop);

        await world.ViewsEqualTheLog(row => row.Key.Contains(".account.", StringComparison.Ordinal));
        await Eventually.Holds(async () => Assert.Equal(0, (await FunctionReport.ReadAsync(await second.Operator(), FunctionList.All, Stop)).Of(AccountView.Function).LagEvents));
    }
}
