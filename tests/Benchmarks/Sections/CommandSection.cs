namespace Benchmarks;

/// <summary>Commands, and in the same run what they are compared with.</summary>
internal static class CommandSection
{
    public const string Accounts = "accounts";
    public const string Bare = "bare web server";
    public const string Saves = "single saves";
    public const string NoGroups = "no group commit";

    public static async Task RunAsync(Measuring measuring)
    {
        using var bare = await BareServer.StartAsync();
        await using var system = await AccountSystem.StartAsync(new SystemSettings());
        await using var single = await AccountSystem.StartAsync(new SystemSettings { GroupCommit = false });
        using var meter = bare.Meter;
        await Role.RunAsync(Role.Load, measuring.Plan(Workload.New, 64, bare.Address), meter, LoadProcess.Environment);
        await WarmUpAsync(system, measuring);
        await WarmUpAsync(single, measuring);

        // From many to one: what a client alone needs is compiled by then.
        int[] connections = measuring.Quick ? [256, 64, 1] : [1024, 256, 64, 1];
        var steps = new List<Step>();
        foreach (var count in connections)
        {
            steps.AddRange(await measuring.InTurnAsync(
                new(Bare, "new", count, _ => Role.RunAsync(Role.Load, measuring.Plan(Workload.New, count, bare.Address), meter, LoadProcess.Environment)),
                new(Accounts, "new", count, _ => LoadAsync(measuring, system, Workload.New, count)),
                new(Saves, "save", count, round => SaveAsync(measuring, system, count, round)),
                new(NoGroups, "new", count, _ => LoadAsync(measuring, single, Workload.New, count))));
        }

        measuring.Keep(steps);
        foreach (var workload in measuring.Quick ? [] : new[] { Workload.Hot, Workload.Mixed })
        {
            foreach (var count in connections)
            {
                await MeasureAsync(measuring, system, Accounts, workload, count);
            }
        }

        await measuring.VerifyAsync(system, Accounts);
        await measuring.VerifyAsync(single, NoGroups);
    }

    /// <summary>
    /// Until the runtime has compiled what is used often, with all the detours that it takes to find out: on two cores that is half
    /// a minute for all the processes. Ends when the rate grows no more.
    /// </summary>
    public static async Task WarmUpAsync(AccountSystem system, Measuring measuring, Workload other = Workload.Mixed)
    {
        const double enough = 1.05;
        var best = 0.0;
        for (var round = 0; round < (measuring.Quick ? 2 : 10); round++)
        {
            var (result, _) = await system.LoadAsync(measuring.Plan(round % 2 == 0 ? Workload.New : other, 128, system.Commands) with { Seconds = 4, WarmUpSeconds = 0.2 });
            if (round >= 4 && result.PerSecond < best * enough)
            {
                break;
            }

            best = Math.Max(best, result.PerSecond);
            foreach (var (what, count) in result.Failed)
            {
                Console.WriteLine($"  while warming up: {what} × {count}");
            }
        }

        await system.FunctionsAreDoneAsync(TimeSpan.FromMinutes(2));
    }

    public static async Task<Step> MeasureAsync(Measuring measuring, AccountSystem system, string what, Workload workload, int connections) =>
        measuring.Add(what, workload.ToString().ToLowerInvariant(), connections, await LoadAsync(measuring, system, workload, connections));

    private static async Task<(LoadResult Result, IReadOnlyList<ProcessUse> Use)> LoadAsync(Measuring measuring, AccountSystem system, Workload workload, int connections)
    {
        var measured = await system.LoadAsync(measuring.Plan(workload, connections, system.Commands));

        // The views of this step are not to be paid by the next one.
        await system.FunctionsAreDoneAsync(TimeSpan.FromMinutes(2));
        return measured;
    }

    private static async Task<(LoadResult Result, IReadOnlyList<ProcessUse> Use)> SaveAsync(Measuring measuring, AccountSystem system, int callers, int round)
    {
        using var meter = system.Meter;
        var plan = new SavesPlan(system.CommandSidecar, "event-log", $"bench-{callers}-{round}", callers, measuring.Plan(Workload.New, callers).Seconds);
        return await Role.RunAsync(Role.Saves, plan, meter);
    }
}
