using System.Diagnostics;

namespace Benchmarks;

/// <summary>Commands that lead to commands: each new account is confirmed and activated by policies.</summary>
internal static class OnboardingSection
{
    private const int Events = 3;

    public static async Task RunAsync(Measuring measuring)
    {
        await using var system = await AccountSystem.StartAsync(new SystemSettings { Onboarding = true });
        await CommandSection.WarmUpAsync(system, measuring, Workload.New);
        foreach (var connections in measuring.Quick ? [64] : new[] { 1, 64, 256 })
        {
            var begun = Stopwatch.GetTimestamp();
            var plan = measuring.Plan(Workload.New, connections, system.Commands) with { WarmUpSeconds = 0 };
            var step = measuring.Add(CommandSection.Accounts, "new", connections, await system.LoadAsync(plan));
            var late = await system.FunctionsAreDoneAsync(TimeSpan.FromMinutes(5));
            measuring.Add(new Figure($"{connections} connections: all accounts active and shown after the last answer", late.TotalSeconds, "s"));
            measuring.Add(new Figure(
                $"{connections} connections: events from request to view, from beginning to end",
                step.Result.Answered * Events / Stopwatch.GetElapsedTime(begun).TotalSeconds,
                "events/s"));
        }

        await measuring.VerifyAsync(system, "with policies", Events);
    }
}
