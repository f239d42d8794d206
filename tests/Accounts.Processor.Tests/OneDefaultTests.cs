extern alias query;
using System.Collections.Concurrent;
using System.Net;
using Accounts.Contracts;
using Accounts.Domain;
using Accounts.Processor.Tests.InProcess;
using Accounts.Processor.Users;
using EventLog;
using query::Accounts.Query.Lists;
using TestSupport;

namespace Accounts.Processor.Tests;

public class OneDefaultTests
{
    private const string Hosted = "Functions=one-default-account,index";

    private static readonly ListFilter OfUser = new(1, null, null, ListOrder.CreatedAt);

    private static void Silent(Replica replica) => replica.Call = (_, _, _) => throw new IOException("no actors");

    private static async Task<string[]> Defaults(AccountWorld world) =>
        [.. (await world.Accounts()).Values.Where(account => account.UserId == 1 && account.DefaultAccount).Select(account => account.AccountNumber)];

    /// <summary>The user's account of the latest event that made one the default; of the same time, the greater number.</summary>
    private static async Task<string> Latest(AccountWorld world) => (await world.ReadAll())
        .SelectMany(record => record.Events)
        .Select(recorded => AccountStorage.Read(recorded.Event.Name, recorded.Event.Schema, recorded.Event.Data)!)
        .Where(happened => happened.User == 1 && happened is AccountEvent.MadeDefault or AccountEvent.Created { DefaultAccount: true })
        .OrderBy(happened => happened.CreatedAt).ThenBy(happened => happened.AccountNumber, StringComparer.Ordinal)
        .Last().AccountNumber;

    /// <summary>How far the policy has come in the partition of an account.</summary>
    private static async Task<long> Checkpoint(AccountWorld world, string number) => world.Row(
        RowKeys.Checkpoint(await world.At(), "one-default-account", Keys.PartitionOf(number, AccountWorld.Partitions)), ContractsJson.Default.CheckpointRow)?.Position ?? 0;

    private static async Task Open(AccountWorld world, int count)
    {
        for (var i = 0; i < count; i++)
        {
            await world.Send($"A-{i}", new AccountCommand.Create($"A-{i}", 1, DefaultAccount: true));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Fifty_that_make_ten_accounts_the_default_at_once_leave_the_latest_and_nobody_ever_sees_two(bool likeRedis)
    {
        await using var world = new AccountWorld(new SimulatedStore { LikeRedis = likeRedis });
        world.Start(Silent, Hosted);
        world.Start(Silent, Hosted);
        await Open(world, 10);
        var lists = new IndexLists(world.Views, await world.At(), AccountWorld.Partitions);
        using var done = new CancellationTokenSource();
        var seen = 0;
        var reader = Task.Run(
            async () =>
            {
                do
                {
                    var items = (await lists.Page(OfUser, 500)).Items;
                    Assert.InRange(items.Count(item => item.Account.DefaultAccount), 0, 1);
                    seen += items.Count;
                }
                while (!done.IsCancellationRequested || seen == 0);
            },
            TestContext.Current.CancellationToken);

        await Task.WhenAll(Enumerable.Range(0, 50).Select(i => world.Send($"A-{i % 10}", new AccountCommand.MakeDefault())));

        await Eventually.Holds(
            async () => Assert.Equal([await Latest(world)], await Defaults(world)), TimeSpan.FromSeconds(20));
        await Eventually.Holds(
            async () => Assert.Equal(
                await Latest(world), Assert.Single((await lists.Page(OfUser)).Items, item => item.Account.DefaultAccount).Account.AccountNumber),
            TimeSpan.FromSeconds(20));
        await done.CancelAsync();
        await reader;
    }

    [Fact]
    public async Task Two_that_become_the_default_at_once_in_two_partitions_both_beat_one_of_a_third()
    {
        await using var world = new AccountWorld();
        var at = await world.At();
        var numbers = Enumerable.Range(0, 50).Select(i => $"A-{i:00}").DistinctBy(number => Keys.PartitionOf(number, AccountWorld.Partitions)).Take(3).ToList();
        var saved = new ConcurrentDictionary<string, bool>();
        using var both = new ManualResetEventSlim();
        var later = false;

        // Who has saved his row looks at those of the others only when the other one of the later two has saved his as well. Both may
        // be saved by one call.
        world.Views.AfterWrite = writes =>
        {
            foreach (var row in numbers.Skip(1).Select(RowOf).Where(row => writes.Any(write => write.Key == row)))
            {
                saved[row] = true;
            }

            if (saved.Count == 2)
            {
                both.Set();
            }
        };
        world.Views.BeforeRead = keys =>
        {
            if (Volatile.Read(ref later) && numbers.All(number => keys.Contains(RowOf(number))))
            {
                Assert.True(both.Wait(TimeSpan.FromSeconds(10)), "Both are to be saved.");
            }
        };
        world.Start(Hosted);
        await world.Send(numbers[0], new AccountCommand.Create(numbers[0], 1, DefaultAccount: true));
        await Eventually.Holds(async () => Assert.NotEqual(0, await Checkpoint(world, numbers[0])));

        Volatile.Write(ref later, true);
        await world.Send(numbers[1], new AccountCommand.Create(numbers[1], 1, DefaultAccount: true));
        await world.Send(numbers[2], new AccountCommand.Create(numbers[2], 1, DefaultAccount: true));

        await Eventually.Holds(async () => Assert.Equal([numbers[2]], await Defaults(world)));

        string RowOf(string number) => DefaultsRow.Key(at, 1, Keys.PartitionOf(number, AccountWorld.Partitions));
    }

    [Fact]
    public async Task A_processor_that_is_killed_anywhere_leaves_one_default()
    {
        await using var world = new AccountWorld();
        var chance = new Random(3);
        await Open(world, 10);
        for (var life = 0; life < 8; life++)
        {
            var replica = world.Start(Hosted);
            var writes = chance.Next(30);
            world.Views.AfterWrite = _ =>
            {
                if (Interlocked.Decrement(ref writes) == 0)
                {
                    replica.Kill();
                }
            };
            await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => world.Send($"A-{chance.Next(10)}", new AccountCommand.MakeDefault())));
            replica.Kill();
        }

        world.Views.AfterWrite = _ => { };
        world.Start(Hosted);

        await Eventually.Holds(async () => Assert.Equal([await Latest(world)], await Defaults(world)), TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task An_account_that_has_become_the_default_again_meanwhile_stays_so()
    {
        await using var world = new AccountWorld();
        using var release = new ManualResetEventSlim();
        world.BeforeCommand = _ => release.IsSet ? null : new HttpResponseMessage(HttpStatusCode.ServiceUnavailable);
        world.Start(Hosted);
        await Open(world, 1);
        await Task.Delay(5, TestContext.Current.CancellationToken);
        await world.Send("B-1", new AccountCommand.Create("B-1", 1, DefaultAccount: true));
        await Eventually.True(() => !world.Keys.IsEmpty, "the policy wants to clear the first");

        await world.Send("A-0", new AccountCommand.ClearDefault());
        await Task.Delay(5, TestContext.Current.CancellationToken);
        await world.Send("A-0", new AccountCommand.MakeDefault());
        release.Set();

        await Eventually.Holds(async () => Assert.Equal(["A-0"], await Defaults(world)), TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task Other_users_keep_their_defaults()
    {
        await using var world = new AccountWorld();
        world.Start(Hosted);
        await world.Send("OTHER", new AccountCommand.Create("OTHER", 2, DefaultAccount: true));
        await Open(world, 2);

        await Eventually.Holds(async () => Assert.Equal([await Latest(world)], await Defaults(world)));
        Assert.True((await world.Accounts())["OTHER"].DefaultAccount);
    }

    [Fact]
    public async Task A_row_of_one_user_that_nobody_can_read_parks_his_account_and_holds_up_no_other_user()
    {
        await using var world = new AccountWorld();
        var numbers = Enumerable.Range(0, 50).Select(i => $"A-{i:00}").Where(number => Keys.PartitionOf(number, AccountWorld.Partitions) == 1).Take(3).ToList();
        var broken = DefaultsRow.Key(await world.At(), 2, 1);
        world.Views.Put(broken, "{}");
        var replica = world.Start(Hosted);
        await world.Send(numbers[0], new AccountCommand.Create(numbers[0], 2, DefaultAccount: true));
        await world.Send(numbers[1], new AccountCommand.Create(numbers[1], 1, DefaultAccount: true));
        await Task.Delay(5, TestContext.Current.CancellationToken);
        await world.Send(numbers[2], new AccountCommand.Create(numbers[2], 1, DefaultAccount: true));

        await Eventually.Holds(async () => Assert.Equal([numbers[2]], await Defaults(world)));
        var parked = await ParkingSteps.OnlyParked(replica);
        Assert.Equal(
            ("one-default-account", numbers[0], $"The row {broken} cannot be read: it was changed or damaged."),
            (parked.Function, parked.AccountNumber, parked.Cause));
        Assert.DoesNotContain(replica.Log.ToArray(), line => line.Contains("The log in component", StringComparison.Ordinal));
        world.Views.Lose(broken);
        await ParkingSteps.Wish(replica, parked.Id, HeldWishes.Replay);
        await Eventually.Holds(async () => Assert.Empty(await ParkingSteps.Parked(replica)));
    }

    [Fact]
    public void The_row_keeps_the_latest_and_those_it_has_beaten_in_whatever_order_they_come_and_however_often()
    {
        IndexDefault[] became = [new(10, "A"), new(10, "B"), new(12, "A"), new(11, "C")];
        foreach (var seed in Enumerable.Range(0, 50))
        {
            var order = became.Concat(became).ToArray();
            new Random(seed).Shuffle(order);

            var row = order.Aggregate((DefaultsRow?)null, DefaultsRow.After)!;

            Assert.Equal(became[2], row.Latest);
            Assert.Equal([new(10, "A"), new(10, "B"), new(11, "C")], row.Beaten.OrderBy(b => b.Since).ThenBy(b => b.Number));
        }
    }
}
