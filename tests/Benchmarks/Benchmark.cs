using System.CommandLine;

namespace Benchmarks;

/// <summary>The whole: measures what the command line asks for, saves it, and writes the report of all that is saved.</summary>
internal static class Benchmark
{
    private static readonly (string Name, string What, Func<Measuring, Task> Run)[] Sections =
    [
        ("commands", "commands a second and their latencies, beside a bare web server, single saves, and one record for each command", CommandSection.RunAsync),
        ("onboarding", "the same with policies that confirm and activate each account, until the views have caught up", OnboardingSection.RunAsync),
        ("views", "how long after its answer a command is seen in the view, and how much the views can take", ViewSection.RunAsync),
        ("queries", "reads of one account beside a bare web server, first pages of lists on few accounts and on many, and a view made again", QuerySection.RunAsync),
        ("profile", "where the processor time goes (Linux with perf)", ProfileSection.RunAsync),
        ("sweep", "partitions and replicas of the command service", SweepSection.RunAsync),
    ];

    public static async Task<int> RunAsync(string[] arguments)
    {
        var only = new Option<string[]>("--only") { HelpName = "SECTION", Description = $"Measures these sections only, and keeps the saved results of the others: {string.Join(", ", Sections.Select(s => s.Name))}", AllowMultipleArgumentsPerToken = true };
        only.AcceptOnlyFromAmong([.. Sections.Select(s => s.Name)]);
        var quick = new Option<bool>("--quick") { Description = "Fewer and shorter steps, nothing is saved: shows that it works, not how fast it is" };
        var seconds = new Option<double>("--seconds") { Description = "How long each step is measured", DefaultValueFactory = _ => 4 };
        var accounts = new Option<int>("--accounts") { Description = "How many accounts are many, in the section of the queries", DefaultValueFactory = _ => 1_000_000 };
        var output = new Option<string>("--output") { HelpName = "DIR", Description = "Where results are saved [default: docs/benchmarks]" };
        var root = new RootCommand("Starts the whole system again and again, puts load on it, and measures. Leave the machine alone meanwhile.") { only, quick, seconds, accounts, output };
        root.SetAction(async (parsed, _) =>
        {
            var isQuick = parsed.GetValue(quick);
            var wanted = parsed.GetValue(only) is { Length: > 0 } some ? some : [.. Sections.Select(s => s.Name)];
            var saved = isQuick && parsed.GetValue(output) is null ? null : new Saved(parsed.GetValue(output) ?? Path.Combine(TestSupport.Repository.Root, "docs", "benchmarks"));
            var good = true;
            foreach (var (name, what, run) in Sections.Where(section => wanted.Contains(section.Name)))
            {
                var measuring = new Measuring(
                    name,
                    isQuick,
                    isQuick ? Math.Min(1.5, parsed.GetValue(seconds)) : parsed.GetValue(seconds),
                    isQuick ? Math.Min(20_000, parsed.GetValue(accounts)) : parsed.GetValue(accounts));
                Console.WriteLine($"\n{name}: {what}");
                await run(measuring);
                saved?.Save(measuring.Result);
                good &= measuring.Result.Checks.All(check => check.Held);
            }

            saved?.WriteReport();
            return good ? 0 : 1;
        });
        return await root.Parse(arguments).InvokeAsync();
    }
}
