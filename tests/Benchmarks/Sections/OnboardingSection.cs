namespace Benchmarks;

/// <summary>Commands that lead to commands: each new account is confirmed and activated by policies.</summary>
internal static class OnboardingSection
{
    private const int Events = 3;

    public static async Task RunAsync(Measuring measuring)
    {
        await using var system = await AccountSystem.StartAsync(new SystemSettings { Onboarding = true });
        await CommandSection.WarmUpAsync(system, measuring);
        foreach (var connections in measuring.Quick ? [64] : new[] { 1, 64, 256 })
        {
            var plan = measuring.Plan(Workload.New, connections, system.Commands);
            var measured = await system.LoadAsync(plan);
            measuring.Add(CommandSection.Accounts, "new", connections, measured);
            var active = measured.Result.Last.Select(last => last with { Version = Events }).ToList();
            var late = await system.ViewsShowAsync(active, TimeSpan.FromMinutes(5));
            var took = late.TotalSeconds + measuring.Seconds + plan.WarmUpSeconds;
            measuring.Add(new Figure($"{connections} connections: all accounts active and shown after the last answer", late.TotalSeconds, "s"));
            measuring.Add(new Figure($"{connections} connections: events from request to view, from beginning to end", measured.Result.Answered * (1 + (plan.WarmUpSeconds / measuring.Seconds)) * Events / took, "events/s"));
        }
    }
}
