namespace Benchmarks;

/// <summary>Reads, on few accounts and on many, and the account view made again.</summary>
internal static class QuerySection
{
    /// <summary>What a view makes of accounts to which nothing has happened: every event is a row of its own.</summary>
    public const string MadeAgain = "account view made again, one event for each account";

    private const int Few = 1_000;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(30);

    // A user of whom all systems have the same accounts, else the pages would not be the same.
    private const long User = 1_000_000_000;
    private const int AccountsOfUser = 10;
    private static readonly string[] FirstPages = ["/v1/accounts", "/v1/accounts?status=ACCOUNT_PENDING", $"/v1/accounts?userId={User}"];

    public static async Task RunAsync(Measuring measuring)
    {
        using var bare = await BareServer.StartAsync();
        await using var few = await AccountSystem.StartAsync(new SystemSettings());
        await using var many = await AccountSystem.StartAsync(new SystemSettings());
        await OpenAsync(Few, measuring, few);
        await OpenAsync(measuring.Accounts, measuring, many);
        await OpenForUserAsync(few);
        await OpenForUserAsync(many);
        (string What, Func<Meter> Meter, Uri Address)[] all =
        [
            (CommandSection.Bare, () => bare.Meter, bare.Address),
            ($"{Few:#,0} accounts", () => few.Meter, few.Queries),
            ($"{measuring.Accounts:#,0} accounts", () => many.Meter, many.Queries),
        ];

        var single = measuring.Plan(Workload.Read, 64) with { Paths = [.. Enumerable.Range(1, 256).Select(i => $"/v1/accounts/B1-{i - 1}-1")] };
        foreach (var (_, meter, address) in all)
        {
            await ReadAsync(meter, single with { Servers = [address], Seconds = 3 });
        }

        var steps = new List<Step>();
        steps.AddRange(await measuring.InTurnAsync(
            [.. all.Select(one => new Contender(one.What, "one account", 64, _ => ReadAsync(one.Meter, single with { Servers = [one.Address] })))]));
        foreach (var page in FirstPages)
        {
            var alone = measuring.Plan(Workload.Read, 1) with { Paths = [page], WarmUpSeconds = 2 };
            steps.AddRange(await measuring.InTurnAsync(
                [.. all.Skip(1).Select(one => new Contender(one.What, page, 1, _ => ReadAsync(one.Meter, alone with { Servers = [one.Address] })))]));
        }

        measuring.Keep(steps);
        measuring.Add(new Figure(MadeAgain, await many.RebuildAsync("account", Patience), "events/s"));
    }

    /// <summary>Opens so many accounts, and waits for the functions.</summary>
    public static async Task OpenAsync(int accounts, Measuring measuring, AccountSystem system)
    {
        await system.LoadAsync(measuring.Plan(Workload.New, 256, system.Commands) with { Seconds = 0, WarmUpSeconds = 0, Requests = accounts });
        await system.FunctionsAreDoneAsync(Patience);
    }

    private static async Task OpenForUserAsync(AccountSystem system)
    {
        foreach (var number in Enumerable.Range(1, AccountsOfUser))
        {
            await system.CreateAsync($"U-{number}", User);
        }

        await system.FunctionsAreDoneAsync(Patience);
    }

    private static async Task<(LoadResult Result, IReadOnlyList<ProcessUse> Use)> ReadAsync(Func<Meter> ofSystem, LoadPlan plan)
    {
        using var meter = ofSystem();
        return await Role.RunAsync(Role.Load, plan, meter, LoadProcess.Environment);
    }
}
