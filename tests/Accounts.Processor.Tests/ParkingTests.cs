using Accounts.Contracts;
using Accounts.Domain;
using Accounts.Processor.Functions;
using Accounts.Processor.Parking;
using Accounts.Processor.Tests.InProcess;
using TestSupport;
using static Accounts.Processor.Tests.InProcess.ParkingSteps;

namespace Accounts.Processor.Tests;

/// <summary>Events that a function cannot take, whatever is done.</summary>
public class ParkingTests
{
    private static readonly string[] ViewsOnly = ["Onboarding:Enabled=false"];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_view_that_fails_on_one_event_holds_up_its_account_alone_until_the_event_is_replayed(bool likeRedis)
    {
        var poison = new Poison(logged => logged is { Account: "BAD", Version: 2 }, Views.Account);
        await using var world = new AccountWorld(new SimulatedStore { LikeRedis = likeRedis }) { As = poison.In };
        var replica = world.Start(ViewsOnly);
        var at = await world.At();
        await world.Create("BAD");
        await Suspend(world, "BAD", 5);
        await Parallel.ForEachAsync(Enumerable.Range(0, 30), async (i, _) =>
        {
            await world.Create($"GOOD-{i}");
            await world.Send($"GOOD-{i}", new AccountCommand.Confirm());
        });

        var parked = await OnlyParked(replica);
        await world.ViewsEqualTheLog(row => !row.Key.EndsWith(".account.1.BAD", StringComparison.Ordinal));
        await world.ReachesTheTail(Views.Account);
        Assert.Equal(("account", "1", "BAD", 2, "ACCOUNT_CONFIRMED", 5), (parked.Function, parked.Generation, parked.AccountNumber, parked.Version, parked.Event, parked.Attempts));
        Assert.Equal(5, parked.Waiting);
        Assert.DoesNotContain("42", parked.Cause, StringComparison.Ordinal);
        await Eventually.Holds(() => Assert.Equal((1, true), world.Row(RowKeys.Account(at, "BAD"), ContractsJson.Default.AccountRow) is { } row ? (row.Version, row.Held) : default));

        // A replay that fails again changes nothing; what comes meanwhile waits too.
        await Wish(replica, parked.Id, HeldWishes.Replay);
        await Eventually.Holds(async () => Assert.Equal((6, (string?)null), ((await OnlyParked(replica)).Attempts, (await OnlyParked(replica)).Requested)));
        await world.Send("BAD", new AccountCommand.MakeDefault());
        await Eventually.Holds(async () => Assert.Equal(6, (await OnlyParked(replica)).Waiting));
        poison.Cure();
        await Wish(replica, parked.Id, HeldWishes.Replay);

        await world.ViewsEqualTheLog();
        Assert.Empty(await Parked(replica));
        Assert.False(await ParkedEvents.WishAsync(replica.Host.Operator!, parked.Id, HeldWishes.Replay, Stop));
        await world.Send("BAD", new AccountCommand.Archive());
        await world.ViewsEqualTheLog();
    }

    [Fact]
    public async Task What_fails_a_few_times_only_is_taken_without_anybody()
    {
        var fails = 3;
        var poison = new Poison(logged => logged is { Account: "BAD", Version: 2 } && Interlocked.Decrement(ref fails) >= 0, Views.Account);
        await using var world = new AccountWorld { As = poison.In };
        var replica = world.Start(ViewsOnly);
        await world.Create("BAD");
        await Suspend(world, "BAD", 4);

        await world.ViewsEqualTheLog();
        Assert.Empty(await Parked(replica));
        Assert.Single(replica.Log.ToArray(), line => line.StartsWith("Error", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_is_parked_stays_so_when_the_processor_is_killed_and_another_goes_on()
    {
        var poison = new Poison(logged => logged is { Account: "BAD", Version: 2 }, Views.Account, Views.History);
        await using var world = new AccountWorld { As = poison.In };
        var first = world.Start(ViewsOnly);
        await world.Create("BAD");
        await Suspend(world, "BAD", 2);
        await Eventually.True(async () => (await Parked(first)).Count(parked => parked.State == HeldStates.Parked) == 2, "both views have parked it");
        first.Kill();
        var second = world.Start(ViewsOnly);
        await Suspend(world, "BAD", 3);
        await Eventually.Holds(async () => Assert.Equal([5, 5], (await Parked(second)).Select(parked => parked.Waiting)));

        poison.Cure();
        foreach (var parked in await Parked(second))
        {
            await Wish(second, parked.Id, HeldWishes.Replay);
        }

        await world.ViewsEqualTheLog();
    }

    [Fact]
    public async Task An_account_is_shown_as_held_also_when_the_processor_is_killed_before_it_has_marked_it()
    {
        var poison = new Poison(logged => logged is { Account: "BAD", Version: 2 }, Views.Account);
        await using var world = new AccountWorld { As = poison.In };
        var at = await world.At();
        var first = world.Start("Functions=account");
        world.Views.AfterWrite = writes =>
        {
            if (writes.Any(write => write.Key == RowKeys.Held(at, Views.Account, "BAD") && IsParked(write.Value)))
            {
                first.Kill();
            }
        };
        await world.Create("BAD");
        await Suspend(world, "BAD", 1);
        await Eventually.True(() => first.Views.Dead, "it is parked, and the processor is killed");
        Assert.NotEqual(true, Shown()!.Held);
        world.Views.AfterWrite = _ => { };

        world.Start("Functions=account");

        await Eventually.Holds(() => Assert.Equal((1, true), (Shown()!.Version, Shown()!.Held)));

        AccountRow? Shown() => world.Row(RowKeys.Account(at, "BAD"), ContractsJson.Default.AccountRow);

        static bool IsParked(ReadOnlyMemory<byte> row) =>
            System.Text.Json.JsonSerializer.Deserialize(row.Span, ContractsJson.Default.HeldRow)!.State == HeldStates.Parked;
    }

    [Fact]
    public async Task A_publisher_sends_what_it_held_in_order_and_leaves_out_what_is_discarded()
    {
        var poison = new Poison(logged => logged.Account is "BAD" or "GONE" && logged.Version == 2, Topics.AccountEvents);
        await using var world = new AccountWorld { As = poison.In };
        var replica = world.Start("Functions=account-events");
        foreach (var number in (string[])["BAD", "GONE", "GOOD"])
        {
            await world.Create(number);
            await Suspend(world, number, 3);
        }

        await Eventually.True(async () => (await Parked(replica)).Count(parked => parked.State == HeldStates.Parked) == 2, "both are parked");
        await Eventually.Holds(() => Assert.Equal([1, 2, 3, 4, 5], Versions("GOOD")));
        await world.Send("BAD", new AccountCommand.MakeDefault());
        await world.Send("GONE", new AccountCommand.MakeDefault());
        await Eventually.Holds(async () => Assert.Equal([4, 4], (await Parked(replica)).Select(parked => parked.Waiting)));
        Assert.Equal([1, 1], Versions("BAD").Concat(Versions("GONE")));
        var gone = (await Parked(replica)).Single(parked => parked.AccountNumber == "GONE");
        await Wish(replica, gone.Id, HeldWishes.Discard);
        await Eventually.Holds(() => Assert.Equal([1, 3, 4, 5, 6], Versions("GONE")));
        poison.Cure();
        await Wish(replica, (await Parked(replica)).Single().Id, HeldWishes.Replay);

        await Eventually.Holds(() => Assert.Equal([1, 2, 3, 4, 5, 6], Versions("BAD")));
        await Eventually.Holds(async () => Assert.Empty(await Parked(replica)));

        long[] Versions(string number) => [.. world.Broker.Messages.Where(message => message.PartitionKey == number).Select(message => message.Version)];
    }

    [Fact]
    public async Task What_is_asked_for_while_an_event_is_tried_is_done_when_that_has_failed()
    {
        var (waits, entered, goOn) = (false, new SemaphoreSlim(0), new ManualResetEventSlim());
        await using var world = new AccountWorld
        {
            As = function => function is not Function.Publisher publisher ? function : publisher with
            {
                Message = logged => logged is { Account: "GONE", Version: 2 } ? Fail() : publisher.Message(logged),
            },
        };
        var replica = world.Start("Functions=account-events");
        await world.Create("GONE");
        await Suspend(world, "GONE", 2);
        var parked = await OnlyParked(replica);
        Volatile.Write(ref waits, true);
        await Wish(replica, parked.Id, HeldWishes.Replay);
        Assert.True(await entered.WaitAsync(TimeSpan.FromSeconds(10), Stop), "It is tried again.");
        Volatile.Write(ref waits, false);

        await Wish(replica, parked.Id, HeldWishes.Discard);
        goOn.Set();

        await Eventually.Holds(() => Assert.Equal([1, 3, 4], world.Broker.Messages.Select(message => message.Version)));
        await Eventually.Holds(async () => Assert.Empty(await Parked(replica)));

        Consumers.OutgoingMessage? Fail()
        {
            if (Volatile.Read(ref waits))
            {
                entered.Release();
                goOn.Wait(Stop);
            }

            throw new InvalidOperationException("It fails whenever it is tried.");
        }
    }

    [Fact]
    public async Task A_command_that_the_command_service_calls_wrong_parks_the_event_of_the_policy()
    {
        await using var world = new AccountWorld
        {
            BeforeCommand = key => key.StartsWith("confirm-on-creation", StringComparison.Ordinal) ? new HttpResponseMessage(System.Net.HttpStatusCode.BadRequest) : null,
        };
        var replica = world.Start();
        await world.Create("BAD");

        var parked = await OnlyParked(replica);
        Assert.Equal(("confirm-on-creation", 1, "Command confirm was answered 400."), (parked.Function, parked.Version, parked.Cause));
        world.BeforeCommand = _ => null;
        await Wish(replica, parked.Id, HeldWishes.Replay);

        await Eventually.Holds(async () => Assert.Equal("ACCOUNT_ACTIVE", world.Row(RowKeys.Account(await world.At(), "BAD"), ContractsJson.Default.AccountRow)?.Account.Status));
    }

    [Fact]
    public async Task Two_replicas_on_the_same_partitions_hold_and_release_without_losing_an_event()
    {
        var chance = new Random(5);
        var poison = new Poison(logged => logged.Account.GetHashCode(StringComparison.Ordinal) % 5 == 0 && chance.Next(2) == 0, Views.Account, Views.History);
        await using var world = new AccountWorld { As = poison.In };
        static void Silent(Replica replica) => replica.Call = (_, _, _) => throw new IOException("no actors");
        var replica = world.Start(Silent, ViewsOnly);
        world.Start(Silent, ViewsOnly);
        world.Views.AfterWrite = _ => Throw(chance.Next(40) == 0);
        await Parallel.ForEachAsync(Enumerable.Range(0, 40), async (i, _) =>
        {
            await world.Create($"A-{i}");
            await Suspend(world, $"A-{i}", 6);
        });
        poison.Cure();
        world.Views.AfterWrite = _ => { };
        await Eventually.Holds(
            async () =>
            {
                foreach (var parked in await Parked(replica))
                {
                    await ParkedEvents.WishAsync(replica.Host.Operator!, parked.Id, HeldWishes.Replay, Stop);
                }

                Assert.Empty(await Parked(replica));
            },
            TimeSpan.FromSeconds(20));

        await world.ViewsEqualTheLog();

        static void Throw(bool now)
        {
            if (now)
            {
                throw new IOException("no answer");
            }
        }
    }
}
