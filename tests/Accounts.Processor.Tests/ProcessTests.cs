using Accounts.Processor.Tests.RealProcesses;
using TestSupport;

namespace Accounts.Processor.Tests;

/// <summary>Real processes, killed and paused at random moments under load: the views are a fold of the log all the same.</summary>
public class ProcessTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_processor_that_is_killed_again_and_again_catches_up()
    {
        await using var system = await RunningSystem.Start(processors: 1);
        using var done = new CancellationTokenSource();
        var load = system.Load(clients: 3, done.Token);
        var chance = new Random(11);
        for (var life = 0; life < 2; life++)
        {
            system.StartProcessor(1);
            await system.ProcessorReady(1);
            await system.Progress(chance.Next(20, 120));
            await system.KillProcessor(1);
        }

        system.StartProcessor(1);
        await done.CancelAsync();
        await load;

        await system.ViewsEqualTheLog();
    }

    [Fact]
    public async Task Of_three_replicas_one_is_paused_and_wakes_and_one_is_killed()
    {
        await using var system = await RunningSystem.Start(processors: 3);
        var first = system.StartProcessor(1);
        system.StartProcessor(2);
        system.StartProcessor(3);
        await Task.WhenAll(system.ProcessorReady(1), system.ProcessorReady(2), system.ProcessorReady(3));
        using var done = new CancellationTokenSource();
        var load = system.Load(clients: 3, done.Token);
        await system.Progress(50);

        // Past its take-over: whatever it held is worked on by the other, and then it goes on where it was.
        Signals.Pause(first.Id);
        await Task.WhenAll(Enumerable.Range(0, 16).Select(i => system.ComesAlive($"PAUSED-{i}", TimeSpan.FromSeconds(15))));
        Signals.Resume(first.Id);
        await system.Progress(50);
        await system.KillProcessor(2);
        await system.Progress(50);
        await done.CancelAsync();
        await load;

        await system.ViewsEqualTheLog();
    }

    [Fact]
    public async Task Without_any_wake_up_the_look_every_second_suffices()
    {
        await using var system = await RunningSystem.Start(processors: 1, wakeUps: false);
        system.StartProcessor(1);
        await system.ProcessorReady(1);
        using var done = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await system.Load(clients: 4, done.Token);

        await system.ViewsEqualTheLog();
    }

    [Fact]
    public async Task A_stop_ends_the_processor_soon_and_in_order()
    {
        await using var system = await RunningSystem.Start(processors: 1);
        var processor = system.StartProcessor(1);
        await system.ProcessorReady(1);
        using var done = new CancellationTokenSource();
        var load = system.Load(clients: 4, done.Token);
        await system.Progress(50);

        Signals.Terminate(processor.Id);
        await processor.WaitForExitAsync(Stop).WaitAsync(TimeSpan.FromSeconds(10), Stop);
        Assert.Equal(0, processor.ExitCode);
        Assert.DoesNotContain("\"LogLevel\":\"Error\"", system.Output, StringComparison.Ordinal);

        system.StartProcessor(1);
        await done.CancelAsync();
        await load;
        await system.ViewsEqualTheLog();
    }
}
