using Accounts.Domain;
using Accounts.Processor.Tests.InProcess;
using TestSupport;

namespace Accounts.Processor.Tests;

/// <summary>A stop finishes what is under way, and whoever comes next goes on behind it.</summary>
public class StopTests
{
    [Fact]
    public async Task What_is_being_published_when_the_stop_comes_is_not_published_again()
    {
        await using var world = new AccountWorld();
        var first = world.Start("Functions=account-events");
        Task? stopped = null;
        world.Broker.Fails = _ =>
        {
            stopped ??= first.Stop();
            return Failure.None;
        };
        await world.Create("A-1");
        await Eventually.True(() => Volatile.Read(ref stopped) is { IsCompleted: true }, "the first has ended");
        await world.Send("A-1", AccountCommand.Named("confirm", null, null)!);

        world.Start("Functions=account-events");

        await Eventually.True(() => world.Broker.Messages.Any(message => message.Version == 2), "the second event is published");
        Assert.Equal([1, 2], world.Broker.Messages.Select(message => message.Version));
    }

    [Fact]
    public async Task What_is_being_commanded_when_the_stop_comes_is_not_commanded_again()
    {
        await using var world = new AccountWorld();
        var first = world.Start("Functions=confirm-on-creation");
        Task? stopped = null;
        world.BeforeCommand = _ =>
        {
            stopped ??= first.Stop();
            return null;
        };
        await world.Create("A-1");
        await Eventually.True(() => Volatile.Read(ref stopped) is { IsCompleted: true }, "the first has ended");
        await world.Create("A-2");

        world.Start("Functions=confirm-on-creation");

        await Eventually.True(() => world.Keys.Count > 1 && world.Keys.Distinct().Count() == 2, "both are confirmed");
        Assert.Equal(2, world.Keys.Count);
    }
}
