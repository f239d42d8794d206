using Accounts.Contracts;
using Accounts.Domain;
using Accounts.Processor.Functions;
using Accounts.Processor.Parking;
using Accounts.Processor.Tests.InProcess;
using TestSupport;
using static Accounts.Processor.Tests.InProcess.ParkingSteps;

namespace Accounts.Processor.Tests;

/// <summary>How much may be parked, and what never is.</summary>
public class ParkingLimitTests
{
    private static readonly string[] ViewsOnly = ["Onboarding:Enabled=false"];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_store_a_broker_and_a_command_service_that_are_away_park_nothing()
    {
        await using var world = new AccountWorld();
        var replica = world.Start();
        await world.Create("A-0");
        await world.ViewsEqualTheLog();
        var away = true;
        world.Views.BeforeWrite = _ => away ? throw new IOException("away") : Task.CompletedTask;
        world.Broker.Fails = _ => away ? Failure.Before : Failure.None;
        world.BeforeCommand = _ => away ? new HttpResponseMessage(System.Net.HttpStatusCode.ServiceUnavailable) : null;

        for (var i = 1; i < 10; i++)
        {
            await world.Create($"A-{i}");
        }

        // Longer than all attempts at an event that fails by itself.
        await Task.Delay(TimeSpan.FromSeconds(5), Stop);
        away = false;

        await world.ViewsEqualTheLog();
        Assert.Empty(await Parked(replica));
        Assert.DoesNotContain(world.Views.Values.Keys, key => key.Contains(".held", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_account_with_a_thousand_held_events_makes_no_row_large_and_holds_up_nobody_while_it_is_replayed()
    {
        var poison = new Poison(logged => logged is { Account: "BAD", Version: 1 }, Views.Account);
        await using var world = new AccountWorld { As = poison.In };
        var replica = world.Start(ViewsOnly);
        await world.Create("BAD");
        await Suspend(world, "BAD", 1_000);
        var parked = await OnlyParked(replica);
        await Eventually.Holds(async () => Assert.Equal(1_001, (await OnlyParked(replica)).Waiting));
        Assert.All(world.Views.Values.Where(row => row.Key.Contains(".held", StringComparison.Ordinal)), row => Assert.True(row.Value.Length < 1_000));
        poison.Cure();
        await Wish(replica, parked.Id, HeldWishes.Replay);

        await world.ViewsEqualTheLog();
        Assert.Equal(Enumerable.Range(1, 1_002).Select(version => (long)version), poison.Taken.Where(taken => taken.Account == "BAD").Select(taken => taken.Version).Distinct());
    }

    [Fact]
    public async Task A_function_that_fails_for_everybody_stops_and_a_version_that_is_mended_goes_on()
    {
        var poison = new Poison(logged => logged.Account.StartsWith("BAD", StringComparison.Ordinal), Views.Account);
        await using var world = new AccountWorld { As = poison.In };
        var first = world.Start(ViewsOnly);
        await Parallel.ForEachAsync(Enumerable.Range(0, 4_600), async (i, _) => await world.Create($"BAD-{i}"));

        await Eventually.True(() => first.Log.ToArray().Any(line => line.StartsWith("Critical: Function account fails for more than 1000 accounts", StringComparison.Ordinal)), "it stops");
        Assert.All(world.Views.Values.Where(row => row.Key.Contains(".held-accounts.", StringComparison.Ordinal)), row => Assert.True(row.Value.Length < 5_000));
        await first.Stop();
        poison.Cure();
        var second = world.Start(ViewsOnly);
        await Eventually.True(() => second.Host.Operator is not null, "the other is up");
        await Eventually.Holds(
            async () =>
            {
                foreach (var parked in await Parked(second))
                {
                    await ParkedEvents.WishAsync(second.Host.Operator!, parked.Id, HeldWishes.Replay, Stop);
                }

                Assert.Empty(await Parked(second));
            },
            TimeSpan.FromSeconds(40));

        await world.ViewsEqualTheLog();
    }

    [Fact]
    public async Task The_list_of_parked_events_has_pages()
    {
        var poison = new Poison(_ => true, Views.Account, Views.History);
        await using var world = new AccountWorld { As = poison.In };
        var replica = world.Start(ViewsOnly);
        await Task.WhenAll(Enumerable.Range(0, 25).Select(i => world.Create($"A-{i}")));
        await Eventually.True(async () => (await Parked(replica)).Count == 50, "all are held");

        var found = new List<string>();
        string? place = null;
        do
        {
            var (items, next) = await ParkedEvents.ListAsync(replica.Host.Operator!, null, place, 7, Stop);
            Assert.True(items.Count is 7 || (next is null && items.Count == 1));
            found.AddRange(items.Select(item => item.Id));
            place = next;
        }
        while (place is not null);

        Assert.Equal((await Parked(replica)).Select(item => item.Id), found);
        Assert.Equal(50, found.Distinct().Count());
        Assert.Equal(25, (await Parked(replica, Views.History)).Count);
    }
}
