namespace Benchmarks;

/// <summary>Reads, on few accounts and on many, and the account view made again.</summary>
internal static class QuerySection
{
    /// <summary>What a view makes of accounts to which nothing has happened: every event is a row of its own.</summary>
    public const string MadeAgain = "account view made again, one event for each account";

    private const int Few = 1_000;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(30);
    private static readonly string[] FirstPages = ["/v1/accounts", "/v1/accounts?status=ACCOUNT_PENDING", "/v1/accounts?userId=7919"];

    public static async Task RunAsync(Measuring measuring)
    {
        using (var bare = await BareServer.StartAsync())
        {
            using var meter = bare.Meter;
            var plan = measuring.Plan(Workload.Read, 64, bare.Address) with { Paths = ["/v1/accounts/X"], WarmUpSeconds = 3 };
            measuring.Add(CommandSection.Bare, "one account", 64, await Role.RunAsync(Role.Load, plan, meter, LoadProcess.Environment));
        }

        await using var system = await AccountSystem.StartAsync(new SystemSettings());
        await OpenAsync(Few, measuring, system);
        await ReadAsync($"{Few:#,0} accounts", measuring, system);
        await OpenAsync(measuring.Accounts - Few, measuring, system);
        await ReadAsync($"{measuring.Accounts:#,0} accounts", measuring, system);
        measuring.Add(new Figure(MadeAgain, await system.RebuildAsync("account", Patience), "events/s"));
    }

    /// <summary>Opens so many accounts, and waits for the functions.</summary>
    public static async Task OpenAsync(int accounts, Measuring measuring, AccountSystem system)
    {
        await system.LoadAsync(measuring.Plan(Workload.New, 256, system.Commands) with { Seconds = 0, WarmUpSeconds = 0, Requests = accounts });
        await system.FunctionsAreDoneAsync(Patience);
    }

    private static async Task ReadAsync(string what, Measuring measuring, AccountSystem system)
    {
        var plan = measuring.Plan(Workload.Read, 64, system.Queries) with { Paths = [.. Enumerable.Range(1, 256).Select(i => $"/v1/accounts/B1-{i - 1}-1")] };
        using var meter = system.Meter;
        await Role.RunAsync(Role.Load, plan with { Seconds = 3 }, meter, LoadProcess.Environment);
        measuring.Add(what, "one account", 64, await Role.RunAsync(Role.Load, plan, meter, LoadProcess.Environment));
        foreach (var page in FirstPages)
        {
            var pages = plan with { Connections = 1, Paths = [page], WarmUpSeconds = 2 };
            measuring.Add(what, page, 1, await Role.RunAsync(Role.Load, pages, meter, LoadProcess.Environment));
        }
    }
}
