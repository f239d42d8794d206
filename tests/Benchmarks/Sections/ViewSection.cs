namespace Benchmarks;

/// <summary>From the answer to the view, and reads of the view.</summary>
internal static class ViewSection
{
    public static async Task RunAsync(Measuring measuring)
    {
        const int connections = 256;
        await using var system = await AccountSystem.StartAsync(new SystemSettings());
        await CommandSection.WarmUpAsync(system, measuring);
        var most = await CommandSection.MeasureAsync(measuring, system, "as fast as can be", Workload.New, connections);
        foreach (var percent in measuring.Quick ? [50] : new[] { 10, 50, 60, 75, 90 })
        {
            var plan = measuring.Plan(Workload.New, connections, system.Commands) with
            {
                Rate = most.Result.PerSecond * percent / 100,
                Views = system.Queries,
            };
            var measured = await system.LoadAsync(plan);
            var late = await system.ViewsShowAsync(measured.Result.Last, TimeSpan.FromMinutes(2));
            measuring.Add($"at {percent} %", "new", connections, measured);
            measuring.Add(new Figure($"at {percent} %: from the answer to the view, p50", measured.Result.Lag!.P50, "ms"));
            measuring.Add(new Figure($"at {percent} %: from the answer to the view, p99", measured.Result.Lag!.P99, "ms"));
            measuring.Add(new Figure($"at {percent} %: all shown after the last answer", late.TotalMilliseconds, "ms"));
        }
    }
}
