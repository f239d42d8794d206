using Accounts.Contracts;
using Accounts.Processor.Operations;
using Accounts.Processor.Tests.InProcess;
using EventLog;
using TestSupport;

namespace Accounts.Processor.Tests;

/// <summary>What operators are told of what keeps a function from going on.</summary>
public class TroubleTests
{
    private static async Task<TroubleRow?> Trouble(AccountWorld world, string function, string account) => world.Row(
        Troubles.Key(await world.At(), function, Keys.PartitionOf(account, AccountWorld.Partitions)), ProcessorJson.Default.TroubleRow);

    [Fact]
    public async Task An_event_that_a_function_throws_on_is_named()
    {
        var poison = new Poison(logged => logged is { Account: "BAD", Version: 1 }, Views.Account);
        await using var world = new AccountWorld { As = poison.In };
        world.Start("Functions=account,history");

        await world.Create("BAD");

        var eventId = (await world.ReadAll()).SelectMany(record => record.Events).Single().EventId;
        await Eventually.Holds(async () => Assert.Equal(
            $"Version 1 of account BAD is held back ({eventId}): The function threw an exception; the log of the service has it under the id of the event.",
            (await Trouble(world, Views.Account, "BAD"))?.Text));
        Assert.Null(await Trouble(world, Views.History, "BAD"));
    }

    [Fact]
    public async Task The_same_trouble_has_a_new_time_when_it_comes_again()
    {
        await using var world = new AccountWorld();
        world.Start("Functions=account-events");
        var times = new List<long>();
        foreach (var number in (string[])["A-1", "A-1"])
        {
            world.Broker.Fails = _ => Failure.Before;
            var (before, published) = (DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(), world.Broker.Messages.Count());
            await (times.Count == 0 ? world.Create(number) : world.Send(number, Domain.AccountCommand.Named("confirm")!));
            await Eventually.Holds(async () =>
            {
                var trouble = (await Trouble(world, Topics.AccountEvents, number))!;
                Assert.Equal("The broker of a publisher does not answer.", trouble.Text);
                Assert.InRange(trouble.At, before, long.MaxValue);
                times.Add(trouble.At);
            });
            world.Broker.Fails = _ => Failure.None;
            await Eventually.True(() => world.Broker.Messages.Count() > published, "the broker is back");
        }

        Assert.Equal(2, times.Distinct().Count());
    }
}
