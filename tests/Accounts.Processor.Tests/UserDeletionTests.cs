using System.Text.Json;
using Accounts.Domain;
using Accounts.Processor.Consumers;
using Accounts.Processor.Tests.InProcess;
using Accounts.Processor.Users;
using EventLog;
using Microsoft.Extensions.Logging.Abstractions;
using TestSupport;

namespace Accounts.Processor.Tests;

public class UserDeletionTests
{
    private const string Hosted = "FunctionsElsewhere=account-events";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static UserDeletions Deletions(AccountWorld world) => new(
        world.Reader, world.Views, world.CommandClient(), TimeProvider.System, new Random(1), NullLogger.Instance);

    private static Task Delete(AccountWorld world, long user, string message = "m-1") =>
        Deletions(world).DeleteAsync(user, new CommandCause(message, "c", null), Stop);

    private static Task AllAre(AccountWorld world, AccountStatus status, long user = 1) => Eventually.Holds(
        async () => Assert.All((await world.Accounts()).Values.Where(account => account.UserId == user), account => Assert.Equal(status, account.Status)),
        TimeSpan.FromSeconds(20));

    [Fact]
    public async Task Every_account_of_a_deleted_user_is_archived_whatever_its_status_and_those_of_others_are_not()
    {
        await using var world = new AccountWorld();
        world.Start(Hosted);
        for (var i = 0; i < 120; i++)
        {
            await world.Create($"A-{i}", user: i % 10 == 0 ? 2 : 1);
        }

        await world.Send("A-1", new AccountCommand.Activate());
        await world.Send("A-1", new AccountCommand.Suspend());

        // Many are still on their way to being active.
        await Delete(world, 1);

        await AllAre(world, AccountStatus.Archived);
        await AllAre(world, AccountStatus.Active, user: 2);
    }

    [Fact]
    public async Task An_account_that_is_opened_or_brought_back_later_is_archived_too()
    {
        await using var world = new AccountWorld();
        world.Start(Hosted);
        await world.Create("A-1");
        await AllAre(world, AccountStatus.Active);
        await Delete(world, 1);
        await AllAre(world, AccountStatus.Archived);

        await world.Create("A-2");
        await world.Send("A-1", new AccountCommand.Activate());

        await Eventually.Holds(
            async () =>
            {
                var events = (await world.ReadAll()).SelectMany(record => record.Events).ToList();
                Assert.Equal(3, events.Count(recorded => recorded.Event.Name == "ACCOUNT_ARCHIVED"));
                Assert.All((await world.Accounts()).Values, account => Assert.Equal(AccountStatus.Archived, account.Status));
            },
            TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task Accounts_that_the_index_does_not_show_yet_are_waited_for()
    {
        await using var world = new AccountWorld();
        world.Start("FunctionsElsewhere=account-events,index");
        for (var i = 0; i < 20; i++)
        {
            await world.Create($"A-{i}");
        }

        await AllAre(world, AccountStatus.Active);
        var deletion = Delete(world, 1);
        await Eventually.True(() => world.Views.Values.Keys.Any(key => key.Contains("deleted-user", StringComparison.Ordinal)), "it is written down");
        Assert.False(deletion.IsCompleted);

        world.Start("Functions=index");

        await deletion;
        await AllAre(world, AccountStatus.Archived);
    }

    [Fact]
    public async Task An_account_that_was_suspended_before_the_policy_came_to_it_is_archived_too()
    {
        await using var world = new AccountWorld();
        var replica = world.Start(Hosted);
        await Delete(world, 1);
        var controls = (await replica.Operator()).Controls;
        await controls.ChangeAsync("user-deletion", row => row with { Paused = true }, Stop);
        await Eventually.True(() => !controls.MayWork("user-deletion"), "the policy is paused");
        await world.Create("A-1");
        await AllAre(world, AccountStatus.Active);
        await world.Send("A-1", new AccountCommand.Suspend());

        await controls.ChangeAsync("user-deletion", row => row with { Paused = false }, Stop);

        await AllAre(world, AccountStatus.Archived);
    }

    [Fact]
    public async Task Accounts_that_the_index_holds_back_are_archived_too_and_those_of_others_are_not()
    {
        var poison = new Poison(
            logged => logged is { Account: "HELD-1" or "HELD-2" or "OTHER", Version: 1 } or { Account: "LATER", Version: 3 }, Contracts.Views.Index);
        await using var world = new AccountWorld { As = poison.In };
        var replica = world.Start(Hosted);
        foreach (var number in (string[])["HELD-1", "HELD-2", "LATER", "SHOWN"])
        {
            await world.Create(number);
        }

        await world.Create("OTHER", user: 2);
        await AllAre(world, AccountStatus.Active);
        await AllAre(world, AccountStatus.Active, user: 2);
        await world.Send("HELD-2", new AccountCommand.Suspend());
        await Eventually.True(async () => (await ParkingSteps.Parked(replica, Contracts.Views.Index)).Count == 4, "the index holds them back");

        await Delete(world, 1);

        Assert.All(
            (await world.Accounts()).Values,
            account => Assert.Equal(account.UserId == 1 ? AccountStatus.Archived : AccountStatus.Active, account.Status));
        Assert.Equal(4, (await ParkingSteps.Parked(replica, Contracts.Views.Index)).Count);
    }

    [Fact]
    public async Task An_account_that_cannot_be_archived_keeps_no_other_from_it_and_is_when_the_message_comes_again()
    {
        await using var world = new AccountWorld();

        // Without the policy: what is refused is the message's then, and not that of an event that the policy came to late.
        world.Start("FunctionsElsewhere=account-events,user-deletion");
        for (var i = 0; i < 70; i++)
        {
            await world.Create($"A-{i}");
        }

        await AllAre(world, AccountStatus.Active);
        var refused = 0;
        world.BeforeCommand = key => key.StartsWith("user-deletion", StringComparison.Ordinal) && Interlocked.Increment(ref refused) == 1
            ? new HttpResponseMessage(System.Net.HttpStatusCode.BadRequest)
            : null;

        await Assert.ThrowsAsync<CommandRefusedException>(() => Delete(world, 1));
        Assert.Single((await world.Accounts()).Values, account => account.Status != AccountStatus.Archived);
        await Delete(world, 1);

        await AllAre(world, AccountStatus.Archived);
    }

    [Fact]
    public async Task A_row_of_one_user_that_nobody_can_read_parks_his_account_and_holds_up_no_other_user()
    {
        await using var world = new AccountWorld();
        var numbers = Enumerable.Range(0, 50).Select(i => $"A-{i:00}").Where(number => Keys.PartitionOf(number, AccountWorld.Partitions) == 1).Take(2).ToList();
        var broken = DeletedUserRow.Key(await world.At(), 2);
        var replica = world.Start(Hosted);
        await Delete(world, 1);
        world.Views.Put(broken, "{}");

        await world.Create(numbers[0], user: 2);
        await world.Create(numbers[1], user: 1);

        await AllAre(world, AccountStatus.Archived);
        var parked = await ParkingSteps.OnlyParked(replica);
        Assert.Equal(
            ("user-deletion", numbers[0], $"The row {broken} cannot be read: it was changed or damaged."),
            (parked.Function, parked.AccountNumber, parked.Cause));
    }

    [Fact]
    public async Task A_message_that_comes_again_changes_nothing()
    {
        await using var world = new AccountWorld();
        world.Start(Hosted);
        await world.Create("A-1");
        await AllAre(world, AccountStatus.Active);
        await Delete(world, 1);
        await AllAre(world, AccountStatus.Archived);
        var commands = world.Keys.Count;

        await Delete(world, 1);
        await Delete(world, 1, "m-2");

        Assert.Equal(commands, world.Keys.Count);
        Assert.Equal(1, (await world.ReadAll()).SelectMany(record => record.Events).Count(recorded => recorded.Event.Name == "ACCOUNT_ARCHIVED"));
    }

    [Fact]
    public async Task A_user_without_accounts_is_remembered_and_a_store_that_is_away_is_waited_for()
    {
        await using var world = new AccountWorld();
        world.Start(Hosted);
        await world.Create("OTHER", user: 2);
        await AllAre(world, AccountStatus.Active, user: 2);
        var failures = 3;
        world.Views.BeforeWrite = writes => writes.Any(write => write.Key.Contains("deleted-user", StringComparison.Ordinal)) && Interlocked.Decrement(ref failures) >= 0
            ? throw new IOException("away")
            : Task.CompletedTask;
        await Delete(world, 1);

        await world.Create("A-1");

        await AllAre(world, AccountStatus.Archived);
    }

    [Theory]
    [InlineData("""{"id":"m","type":"user.deleted","data":{"userId":7}}""", 7L)]
    [InlineData("""{"id":"m","type":"user.deleted","data":{"userId":0,"more":1},"specversion":"1.0"}""", 0L)]
    [InlineData("""{"id":"m","type":"user.renamed","data":"x"}""", null)]
    public void What_a_message_says(string message, long? user) => Assert.Equal(user, UserEvents.Read(JsonElement.Parse(message))!.Value.User);

    [Theory]
    [InlineData("""{"type":"user.deleted","data":{"userId":7}}""")]
    [InlineData("""{"id":"m","data":{"userId":7}}""")]
    [InlineData("""{"id":"m","type":"user.deleted"}""")]
    [InlineData("""{"id":"m","type":"user.deleted","data":"7"}""")]
    [InlineData("""{"id":"m","type":"user.deleted","data":{"userId":"7"}}""")]
    [InlineData("""{"id":"m","type":"user.deleted","data":{"userId":-1}}""")]
    [InlineData("""{"id":"m","type":"user.deleted","data":{"userId":1.5}}""")]
    [InlineData("""{"id":"m","type":"user.deleted","data":{"userId":9007199254740992}}""")]
    [InlineData("7")]
    public void What_is_no_message_is_dropped(string message) => Assert.Null(UserEvents.Read(JsonElement.Parse(message)));
}
