using TestSupport;

namespace SystemTests;

/// <summary>
/// Three replicas of the command service share the partitions. Whoever ends, halts or cannot be reached: nothing that was
/// acknowledged is lost, doubled or forked, nobody waits for long, and soon all is as before.
/// </summary>
[Collection(ThreeReplicasTests.Name)]
public class OwnerTests(ThreeReplicas replicas, ITestOutputHelper output)
{
    private const int Clients = 8;
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Recovery = TimeSpan.FromSeconds(10);

    // Replicas that were just started, and what else runs on the machine, make some difference. Whether every single partition
    // is back is seen from races and silences, which must end.
    private const double Full = 0.7;

    // So that the processors are not what limits the rate: a replica that is started again compiles everything anew, and other tests
    // run on the machine.
    private static readonly TimeSpan Unhurried = TimeSpan.FromMilliseconds(100);

    [Fact]
    public async Task Replicas_may_be_killed_paused_and_stopped_under_load()
    {
        OwnSystem.SkipUnlessOurs();
        await using var load = await CommandLoad.StartAsync(replicas.Addresses, Clients, replicas.Acknowledged, Unhurried);
        var full = await FullRateAsync(load);

        load.Leave(0, () => Signals.Kill(replicas.Processes[0]));
        await IsBackAsync(load, full, "after kill -9 of the first");

        load.Leave(1, () => Signals.Pause(replicas.Processes[1]));
        await Eventually.True(async () => await replicas.ActorsAsync(1) == 0, "the sidecar has taken the actors from the paused replica", TimeSpan.FromSeconds(20));
        await IsBackAsync(load, full, "while the second is paused");
        Signals.Resume(replicas.Processes[1]);
        load.Return(1);
        await IsBackAsync(load, full, "after the second goes on");

        await replicas.ReviveAsync(0);
        load.Return(0);
        await IsBackAsync(load, full, "after the first was started again by hand");

        load.Leave(2, () => Signals.Terminate(replicas.Processes[2]), takesItsTime: true);
        await replicas.ReviveAsync(2);
        load.Return(2);
        await IsBackAsync(load, full, "after the third was started again by hand");
        await RacesEndAsync(load);

        await load.EndAsync();
        Check(load, LongestWait);
        await replicas.VerifyLogAsync();
    }

    [Fact]
    public async Task Without_the_control_plane_commands_go_on_on_every_replica()
    {
        OwnSystem.SkipUnlessOurs();

        // They do not rest: what is measured is how much the replicas can do, with and without.
        await using var load = await CommandLoad.StartAsync(replicas.Addresses, Clients / 2, replicas.Acknowledged, TimeSpan.Zero);
        var full = await FullRateAsync(load);

        await replicas.FaultsAsync("""[{"on":"actors","do":"block"}]""");
        await load.RateAsync(TimeSpan.FromSeconds(1.5));
        var before = load.Done;
        var blocked = await load.RateAsync(TimeSpan.FromSeconds(4));
        var done = load.Done.Zip(before, (now, then) => now - then).ToList();
        output.WriteLine($"{full:0} commands/s; without the control plane {blocked:0}, by replica {string.Join(" ", done)}");

        await replicas.FaultsAsync("[]");
        await IsBackAsync(load, full, "after the control plane came back");
        await RacesEndAsync(load);

        await load.EndAsync();
        Check(load, LongestWait);
        Assert.All(done, commands => Assert.InRange(commands, 1, long.MaxValue));
        Assert.InRange(blocked, full / 4, double.MaxValue);
        await replicas.VerifyLogAsync();
    }

    [Fact]
    public async Task A_slow_store_is_not_taken_for_a_silent_owner()
    {
        OwnSystem.SkipUnlessOurs();
        await using var load = await CommandLoad.StartAsync(replicas.Addresses, Clients, replicas.Acknowledged, Unhurried);
        await FullRateAsync(load);
        await RacesEndAsync(load);
        var before = await replicas.TroubleAsync();

        await replicas.FaultsAsync("""[{"on":"state:event-log","do":"delay","ms":1500}]""");
        var slow = await load.RateAsync(TimeSpan.FromSeconds(6));
        var after = await replicas.TroubleAsync();
        output.WriteLine($"{slow:0.0} commands/s while every call to the store takes 1.5 s; trouble {before}, then {after}");
        await replicas.FaultsAsync("[]");

        await load.EndAsync();
        Check(load, TimeSpan.FromSeconds(5));
        Assert.Equal(before, after);
        Assert.InRange(slow, 1, double.MaxValue);
    }

    private static async Task<double> FullRateAsync(CommandLoad load)
    {
        // Until it grows no more: at first everything is compiled.
        var (before, full) = (0.0, await load.RateAsync(TimeSpan.FromSeconds(1)));
        for (var seconds = 1; seconds < 10 && full > 1.1 * before; seconds++)
        {
            (before, full) = (full, await load.RateAsync(TimeSpan.FromSeconds(1)));
        }

        Assert.True(full > 0, string.Join('\n', load.Surprises.Take(3)));
        return Math.Max(before, full);
    }

    /// <summary>The normal route is back: one replica writes each partition.</summary>
    private Task RacesEndAsync(CommandLoad load) => Eventually.True(
        async () =>
        {
            var before = await replicas.TroubleAsync();
            await load.RateAsync(TimeSpan.FromSeconds(1));
            return await replicas.TroubleAsync() == before;
        },
        "the replicas have ended their races",
        Recovery);

    private async Task IsBackAsync(CommandLoad load, double full, string when) =>
        output.WriteLine($"{full:0} commands/s; {when} back in {(await load.ReachedAsync(full * Full, Recovery)).TotalSeconds:0.0} s, at {load.Lasts.TotalSeconds:0.0} s");

    private void Check(CommandLoad load, TimeSpan longest)
    {
        var statuses = load.Attempts.GroupBy(a => a.Status).OrderBy(g => g.Key).Select(g => $"{g.Key}: {g.Count()}");
        output.WriteLine($"{string.Join(", ", statuses)}; longest {load.Attempts.Max(a => a.Took).TotalSeconds:0.00} s");
        Assert.Empty(load.Surprises);
        Assert.All(load.Attempts, a => Assert.True(a.Status is 200 or 201 or 409 or 412 || (a.Status == 503 && a.SaysWhenToRetry), $"{a.Status} from replica {a.Replica} after {a.Took.TotalSeconds:0.00} s: {a.Text}"));
        Assert.All(load.Attempts, a => Assert.True(a.Took < longest, $"Replica {a.Replica} took {a.Took.TotalSeconds:0.00} s, at {a.Asked.TotalSeconds:0.0} s of the test, to answer {a.Status} {a.Text}"));
    }
}
