using System.Diagnostics;

namespace Benchmarks;

/// <summary>From the answer to the view.</summary>
internal static class ViewSection
{
    private const int Connections = 256;
    private static readonly TimeSpan KeptUp = TimeSpan.FromSeconds(0.5);

    public static async Task RunAsync(Measuring measuring)
    {
        await using var system = await AccountSystem.StartAsync(new SystemSettings());
        await CommandSection.WarmUpAsync(system, measuring);
        var begun = Stopwatch.GetTimestamp();
        var most = measuring.Add("as fast as can be", "new", Connections, await system.LoadAsync(measuring.Plan(Workload.New, Connections, system.Commands) with { WarmUpSeconds = 0 }));
        var late = await system.FunctionsAreDoneAsync(TimeSpan.FromMinutes(2));
        var throughout = most.Result.Answered / Stopwatch.GetElapsedTime(begun).TotalSeconds;
        measuring.Add(new Figure("as fast as can be: all functions done after the last answer", late.TotalSeconds, "s"));
        measuring.Add(new Figure("as fast as can be: commands from request to all views, from beginning to end", throughout, "commands/s"));

        var sustained = 0.0;
        foreach (var percent in measuring.Quick ? [50] : new[] { 10, 25, 50, 60, 75, 90 })
        {
            var rate = most.Result.PerSecond * percent / 100;
            var plan = measuring.Plan(Workload.New, Connections, system.Commands) with { Rate = rate, Views = system.Queries };
            var step = measuring.Add($"at {percent} %", "new", Connections, await system.LoadAsync(plan));
            var done = await system.FunctionsAreDoneAsync(TimeSpan.FromMinutes(2));
            measuring.Add(new Figure($"at {percent} %: from the answer to the view, p50", step.Result.Lag!.P50, "ms"));
            measuring.Add(new Figure($"at {percent} %: from the answer to the view, p99", step.Result.Lag!.P99, "ms"));
            measuring.Add(new Figure($"at {percent} %: all functions done after the last answer", done.TotalMilliseconds, "ms"));
            sustained = done < KeptUp ? rate : sustained;
        }

        measuring.Add(new Figure("greatest of these rates at which the functions kept up", sustained, "commands/s"));
        measuring.Add(new Figure("of the greatest rate of commands", sustained / most.Result.PerSecond, ""));
    }
}
