using System.Diagnostics;

namespace Benchmarks;

/// <summary>Commands that lead to commands: each new account is confirmed and activated by policies.</summary>
internal static class OnboardingSection
{
    /// <summary>What a view makes of accounts as they usually are.</summary>
    public const string MadeAgain = "account view made again, three events for each account";

    private const int Events = 3;
    private const int MoreAccounts = 60_000;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    public static async Task RunAsync(Measuring measuring)
    {
        await using var system = await AccountSystem.StartAsync(new SystemSettings { Onboarding = true });
        await CommandSection.WarmUpAsync(system, measuring, Workload.New);
        foreach (var connections in measuring.Quick ? [64] : new[] { 1, 64, 256 })
        {
            var begun = Stopwatch.GetTimestamp();
            var plan = measuring.Plan(Workload.New, connections, system.Commands) with { WarmUpSeconds = 0 };
            var step = measuring.Add(CommandSection.Accounts, "new", connections, await system.LoadAsync(plan));
            var late = await system.FunctionsAreDoneAsync(Patience);
            measuring.Add(new Figure($"{connections} connections: all accounts active and shown after the last answer", late.TotalSeconds, "s"));
            measuring.Add(new Figure(
                $"{connections} connections: events from request to view, from beginning to end",
                step.Result.Answered * Events / Stopwatch.GetElapsedTime(begun).TotalSeconds,
                "events/s"));
        }

        await QuerySection.OpenAsync(measuring.Quick ? 1_000 : MoreAccounts, measuring, system);
        measuring.Add(new Figure(MadeAgain, await system.RebuildAsync("account", Patience), "events/s"));
        await measuring.VerifyAsync(system, "with policies", Events);
    }
}
