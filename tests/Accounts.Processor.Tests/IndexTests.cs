extern alias query;
using Accounts.Contracts;
using Accounts.Domain;
using Accounts.Processor.Consumers;
using Accounts.Processor.Tests.InProcess;
using EventLog;
using query::Accounts.Query.Lists;
using TestSupport;

namespace Accounts.Processor.Tests;

/// <summary>Lists, from the log over the real fold and its rows to the pages that the query service makes of them.</summary>
public class IndexTests
{
    private const string IndexOnly = "Functions=index";

    private static IEnumerable<ListFilter> Filters(params long?[] users) =>
        from user in users
        from order in Enum.GetValues<ListOrder>()
        where user is not null || order != ListOrder.AccountNumber
        from status in (string?[])[null, "ACCOUNT_PENDING", "ACCOUNT_SUSPENDED", "ACCOUNT_ARCHIVED"]
        from isDefault in (bool?[])[null, true, false]
        select new ListFilter(user, status, isDefault, order);

    private static async Task ListsEqualTheLog(AccountWorld world, params long?[] users)
    {
        var lists = new IndexLists(world.Views, await world.At(), AccountWorld.Partitions);
        var records = await world.ReadAll();
        var total = records.SelectMany(record => record.Events).Count(recorded => recorded.Version == 1);
        await Eventually.Holds(
            async () =>
            {
                Assert.Equal(total, (await lists.Count()).Total);
                foreach (var filter in Filters(users))
                {
                    var expected = IndexLists.Expected(records, filter);
                    Assert.Equal(expected, (await lists.All(filter, 30)).Select(item => item.Account));
                    Assert.Equal(expected, (await lists.All(filter, 500)).Select(item => item.Account));
                }

                foreach (var user in users)
                {
                    var all = IndexLists.Expected(records, new ListFilter(user, null, null, ListOrder.CreatedAt));
                    Assert.Equal(
                        IndexSummary.Statuses.Select(status => (long)all.Count(account => account.Status == status)),
                        (await lists.Count(user)).ByStatus.Select(count => count.Value));
                }
            },
            TimeSpan.FromSeconds(30));
    }

    /// <summary>User 1 has most of the accounts, so that his rows become trees; the numbers are created in no order.</summary>
    private static async Task Work(AccountWorld world, int seed, int accounts, int commands)
    {
        var chance = new Random(seed);
        var numbers = Enumerable.Range(0, accounts).Select(i => i % 3 == 0 ? $"LONG-SHARED-PREFIX-{i}" : $"{chance.Next(100_000)}-{i}").ToArray();
        chance.Shuffle(numbers);
        var users = numbers.Select(_ => chance.Next(10) == 0 ? chance.Next(2, 5) : 1L).ToArray();
        await Parallel.ForEachAsync(Enumerable.Range(0, accounts), new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, _) =>
            await world.Send(numbers[i], new AccountCommand.Create(numbers[i], users[i], i % 40 == 0)));
        string[] names = ["confirm", "activate", "suspend", "archive", "make-default", "clear-default"];
        var sent = Enumerable.Range(0, commands).Select(_ => (Number: numbers[chance.Next(accounts)], Name: names[chance.Next(names.Length)])).ToList();
        await Parallel.ForEachAsync(sent, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (command, _) =>
            await world.Send(command.Number, AccountCommand.Named(command.Name)!));
    }

    [Fact]
    public async Task Every_list_holds_what_a_fold_of_the_log_holds_in_every_order_and_with_every_filter()
    {
        await using var world = new AccountWorld();
        await Work(world, 1, 600, 1_000);
        world.Start(IndexOnly);

        await ListsEqualTheLog(world, null, 1, 2, 99);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Rivals_and_a_store_that_fails_leave_the_lists_equal_to_the_log(bool likeRedis)
    {
        await using var world = new AccountWorld(new SimulatedStore { LikeRedis = likeRedis });
        static void Silent(Replica replica) => replica.Call = (_, _, _) => throw new IOException("no actors");
        world.Start(Silent, IndexOnly);
        world.Start(Silent, IndexOnly);
        await world.Create("FIRST");
        var chance = new Random(7);
        world.Views.BeforeWrite = _ => Chance(20) ? throw new IOException("away") : Task.CompletedTask;
        world.Views.AfterWrite = _ => Throw(Chance(20));
        world.Views.BeforeRead = _ => Throw(Chance(30));
        await Work(world, 2, 400, 500);
        world.Views.BeforeWrite = _ => Task.CompletedTask;
        world.Views.AfterWrite = _ => { };
        world.Views.BeforeRead = _ => { };

        await ListsEqualTheLog(world, null, 1, 3);

        bool Chance(int of)
        {
            lock (chance)
            {
                return chance.Next(of) == 0;
            }
        }

        static void Throw(bool now)
        {
            if (now)
            {
                throw new IOException("no answer");
            }
        }
    }

    [Fact]
    public async Task Accounts_that_are_added_between_pages_repeat_none_and_hide_none()
    {
        await using var world = new AccountWorld();
        await Work(world, 1, 200, 0);
        world.Start(IndexOnly);
        await ListsEqualTheLog(world, 1);
        var lists = new IndexLists(world.Views, await world.At(), AccountWorld.Partitions);
        foreach (var order in Enum.GetValues<ListOrder>())
        {
            var filter = new ListFilter(1, null, null, order);
            var before = IndexLists.Expected(await world.ReadAll(), filter).Select(account => account.AccountNumber).ToHashSet();
            var seen = new List<string>();
            ListCursor? next = null;
            do
            {
                var page = await lists.Page(filter, 17, next);
                seen.AddRange(page.Items.Select(item => item.Account.AccountNumber));
                next = page.Next;
                await world.Create($"{order}-{seen.Count}".ToUpperInvariant());
                var total = (await world.ReadAll()).SelectMany(record => record.Events).Count();
                await Eventually.True(async () => (await lists.Count()).Total == total, "the new account is in the index");
            }
            while (next is not null && seen.Count < 1_000);

            Assert.Equal(seen.Count, seen.Distinct().Count());
            Assert.Subset(seen.ToHashSet(), before);
        }
    }

    [Fact]
    public async Task A_batch_of_which_any_part_was_written_is_made_whole_by_folding_it_again()
    {
        for (var seed = 0; seed < 40; seed++)
        {
            var chance = new Random(seed);
            var (whole, torn) = (new SimulatedStore(), new SimulatedStore());
            for (var batch = 0L; batch < 4; batch++)
            {
                var ordinals = Enumerable.Range(1, 40).Select(i => (batch * 40) + i).ToList();
                LoggedEvent[] events =
                [
                    .. ordinals.Select(o => Given.Event(new AccountEvent.Created(1_000 + o, $"N-{o % 7}-{o}", 7, o % 9 == 0), 1, o, ordinal: o)),
                    .. ordinals.Select(o => Given.Event(new AccountEvent.Confirmed(2_000 + o, $"N-{o % 7}-{o}", null, 7), 2, 100 + o, ordinal: o)),
                ];
                await IndexSeed.Fold(whole, events);
                for (var attempt = 0; attempt < 3; attempt++)
                {
                    await IndexSeed.Fold(torn, events, _ => chance.Next(2) == 0);
                }

                await IndexSeed.Fold(torn, events, _ => true);
            }

            Assert.Equal(Texts(whole), Texts(torn));
        }

        static IEnumerable<string> Texts(SimulatedStore store) =>
            store.Values.OrderBy(row => row.Key, StringComparer.Ordinal).Select(row => $"{row.Key} {System.Text.Encoding.UTF8.GetString(row.Value)}");
    }

    [Fact]
    public async Task A_row_that_is_ahead_of_the_others_never_goes_back()
    {
        var store = new SimulatedStore();
        var lists = new IndexLists(store, Given.At, 4);
        var suspended = Given.Event(new AccountEvent.Suspended(4_000, "A-1", null, 7), 4, 4);
        await IndexSeed.Fold(store, [.. Given.Onboarded("A-1").SelectMany(record => record.Events)]);
        await IndexSeed.Fold(store, [suspended], key => key.Contains(".u7.", StringComparison.Ordinal));

        await IndexSeed.Fold(store, [Given.Event(new AccountEvent.Activated(3_000, "A-1"), 3, 3)]);

        Assert.Equal("ACCOUNT_SUSPENDED", Assert.Single((await lists.Page(new ListFilter(7, null, null, ListOrder.CreatedAt))).Items).Account.Status);
    }

    [Fact]
    public async Task Events_from_before_they_carried_the_user_find_it_in_the_index()
    {
        var store = new SimulatedStore();
        var lists = new IndexLists(store, Given.At, 4);
        await IndexSeed.Fold(store, [
            Given.Event(new AccountEvent.Created(1_000, "A-1", 7, false), 1, 1),
            Given.Event(new AccountEvent.Confirmed(2_000, "A-1"), 2, 2)]);
        await IndexSeed.Fold(store, [Given.Event(new AccountEvent.Activated(3_000, "A-1"), 3, 3)]);

        Assert.Equal("ACCOUNT_ACTIVE", Assert.Single((await lists.Page(new ListFilter(7, null, null, ListOrder.CreatedAt))).Items).Account.Status);
    }

    [Fact]
    public async Task Of_two_defaults_of_a_user_only_the_latest_is_shown_and_of_two_at_once_the_greater_number()
    {
        var store = new SimulatedStore();
        var lists = new IndexLists(store, Given.At, 4);
        await IndexSeed.Fold(store, [
            Given.Event(new AccountEvent.Created(1_000, "B", 7, true), 1, 1, ordinal: 1),
            Given.Event(new AccountEvent.Created(1_000, "C", 7, true), 1, 1, ordinal: 2),
            Given.Event(new AccountEvent.Created(900, "D", 7, true), 1, 1, ordinal: 3)]);

        var ofUser = await lists.Page(new ListFilter(7, null, null, ListOrder.AccountNumber));
        Assert.Equal([("B", false), ("C", true), ("D", false)], ofUser.Items.Select(item => (item.Account.AccountNumber, item.Account.DefaultAccount)));
        Assert.Equal("C", Assert.Single((await lists.Page(new ListFilter(7, null, true, ListOrder.CreatedAt))).Items).Account.AccountNumber);
        Assert.Equal(2, (await lists.Page(new ListFilter(7, null, false, ListOrder.CreatedAt))).Items.Count);
        Assert.Equal(["confirm", "make-default", "clear-default"], ofUser.Items[0].Commands);
    }
}
