using TestSupport;

namespace SystemTests;

/// <summary>Two replicas of the command service: clients may talk to either.</summary>
public class ReplicaTests
{
    private static readonly string[] Flags = ["--replicas", "accounts-command=2"];

    [Fact]
    public async Task Commands_to_either_replica_make_one_history()
    {
        using var folder = new TemporaryFolder();
        await using var system = await OwnSystem.StartAsync(folder, Flags);
        var (one, two) = (system.Accounts, Second(system));
        await two.Ready();

        // Eight accounts, so that partitions of both replicas are among them.
        foreach (var number in await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => one.Alive())))
        {
            for (var version = 4; version <= 23; version++)
            {
                var answer = await (version % 3 == 0 ? one : two).Command(number, version % 2 == 0 ? "suspend" : "activate");
                Assert.Equal(version, answer.Is(200).Version);
            }

            await one.Shown(number, 23);
        }
    }

    [Fact]
    public async Task Races_between_the_replicas_have_one_winner()
    {
        using var folder = new TemporaryFolder();
        await using var system = await OwnSystem.StartAsync(folder, Flags);
        AccountSystem[] replicas = [system.Accounts, Second(system)];
        await replicas[1].Ready();
        var taken = AccountSystem.NewNumber();
        var number = await replicas[0].Alive();

        var creates = await Task.WhenAll(Enumerable.Range(0, 100).Select(i => replicas[i % 2].Create(taken)));
        var changes = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => replicas[i % 2].Command(number, "suspend", null, ("If-Match", "\"3\""))));
        var repeats = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => replicas[i % 2].Command(number, "archive", null, ("Idempotency-Key", "once"))));

        Assert.Single(creates, answer => answer.Status == 201);
        Assert.Equal(99, creates.Count(answer => answer.Status == 409));
        Assert.Single(changes, answer => answer.Status == 200);
        Assert.Equal(49, changes.Count(answer => answer.Status == 412));
        Assert.Single(repeats.Select(answer => answer.Is(200).Text).Distinct());
        Assert.Equal(5, (await replicas[1].Command(number, "archive")).Is(200).Version);
    }

    [Fact]
    public async Task When_a_replica_is_killed_the_other_takes_all_commands()
    {
        using var folder = new TemporaryFolder();
        await using var system = await OwnSystem.StartAsync(folder, Flags);
        var (one, two) = (system.Accounts, Second(system));
        await two.Ready();
        var numbers = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => one.Alive()));

        system.Host.KillApp("accounts-command");

        foreach (var number in numbers)
        {
            var suspended = await Eventually.Gives(async () => (await two.Command(number, "suspend")).Is(200), TimeSpan.FromSeconds(30));
            Assert.Equal(4, suspended.Version);
            await two.Shown(number, 4, TimeSpan.FromSeconds(30));
        }
    }

    private static AccountSystem Second(OwnSystem system) =>
        new(system.Address("accounts-command#2"), system.Accounts.Processor, system.Accounts.Queries);
}
