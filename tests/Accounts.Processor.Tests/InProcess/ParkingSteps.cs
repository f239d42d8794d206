using Accounts.Contracts;
using Accounts.Domain;
using Accounts.Processor.Parking;
using TestSupport;

namespace Accounts.Processor.Tests.InProcess;

/// <summary>What tests of parking ask of a replica, and what they do to an account.</summary>
internal static class ParkingSteps
{
    /// <summary>What is parked or held back, of one function or of all.</summary>
    public static async Task<IReadOnlyList<ParkedBody>> Parked(Replica replica, string? function = null) =>
        replica.Host.Operator is { } at ? (await ParkedEvents.ListAsync(at, function, null, 500, TestContext.Current.CancellationToken)).Items : [];

    /// <summary>Waits until one event is parked, and nothing else.</summary>
    public static async Task<ParkedBody> OnlyParked(Replica replica)
    {
        await Eventually.True(async () => await Parked(replica) is [{ State: HeldStates.Parked }], "one event is parked");
        return (await Parked(replica)).Single();
    }

    /// <summary>Asks for a replay or a discard.</summary>
    public static async Task Wish(Replica replica, string id, string wish) =>
        Assert.True(await ParkedEvents.WishAsync(replica.Host.Operator!, id, wish, TestContext.Current.CancellationToken));

    /// <summary>Asks for a replay of whatever is held back; nothing happens to what is taken meanwhile.</summary>
    public static async Task Replay(Replica replica)
    {
        foreach (var parked in await Parked(replica))
        {
            await ParkedEvents.WishAsync(replica.Host.Operator!, parked.Id, HeldWishes.Replay, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Confirms an account, and gives it so many events more.</summary>
    public static async Task Suspend(AccountWorld world, string number, int times)
    {
        await world.Send(number, new AccountCommand.Confirm());
        for (var i = 0; i < times; i++)
        {
            await world.Send(number, AccountCommand.Named(i % 2 == 0 ? "activate" : "suspend")!);
        }
    }
}
