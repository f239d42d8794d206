using TestSupport;

namespace SystemTests;

/// <summary>What was acknowledged is there after whatever end.</summary>
[Collection<RestartedSystem.Users>]
public class RestartTests(RestartedSystem system)
{
    private readonly AccountSystem _accounts = system.Now.Accounts;

    [Fact]
    public Task After_kill_9_of_everything_every_acknowledged_account_is_there_and_views_catch_up() => Load.AllAreThere(_accounts, system.OpenedBeforeKill);

    [Fact]
    public async Task After_SIGTERM_under_load_every_acknowledged_account_is_there()
    {
        Assert.All(system.RefusedAtStop, answer => answer.IsProblem(503, "unavailable"));
        await Load.AllAreThere(_accounts, system.OpenedBeforeStop);
    }

    [Fact]
    public void Stopping_takes_less_than_20_seconds_and_leaves_no_process_and_no_port_behind()
    {
        // The system has started again on the same ports.
        Assert.Equal(0, system.Stop.Code);
        Assert.InRange(system.Stop.Took, TimeSpan.Zero, TimeSpan.FromSeconds(20));
        Assert.Empty(system.Stop.Left);
    }

    [Fact]
    public async Task The_last_64_keys_of_an_account_are_remembered_after_a_restart()
    {
        for (var i = 0; i < system.KeyedAnswers.Count; i++)
        {
            var repeated = await _accounts.Command(system.Keyed, RestartedSystem.KeyedCommand(i), null, ("Idempotency-Key", $"key-{i}"));
            Assert.Equal((i, system.KeyedAnswers[i].Text, system.KeyedAnswers[i]["ETag"]), (i, repeated.Is(200).Text, repeated["ETag"]));
        }

        Assert.Equal((64, 67), (system.KeyedAnswers.Count, (await _accounts.Command(system.Keyed, "activate")).Is(200).Version));
    }

    [Fact]
    public async Task Of_two_hosts_on_the_same_data_the_second_is_refused_and_the_first_goes_on()
    {
        using var other = new TemporaryFolder();
        var number = await _accounts.Alive();

        await using var second = RunningHost.Launch(new HostStart { RunFile = RunFileCopy.Write(other.Location), DataFolder = system.Data });

        Assert.Equal(2, await second.ExitedAsync());
        Assert.Contains(second.Output, line => line.Contains("another host uses it", StringComparison.Ordinal));
        Assert.Equal(4, (await _accounts.Command(number, "suspend")).Is(200).Version);
    }
}
