using System.Globalization;
using System.Text;
using TestSupport;

namespace EventLog.Tests.Simulation;

/// <summary>
/// Shows that the simulation bites: with any one rule of the log broken, some schedule finds it. The list of the rules, with
/// what breaks each and a seed that shows it, is <c>rules.md</c>; <c>SIMULATION_RULES=write</c> writes it again.
/// </summary>
public sealed class MutantTests(ITestOutputHelper output)
{
    private const int MostSeeds = 5000;

    // For the list one may look longer than a test run should.
    private const int MostSeedsForTheList = 20_000;
    private static readonly string RulesFile = Path.Combine(Repository.Root, "tests", "EventLog.Tests", "Simulation", "rules.md");

    public static IEnumerable<TheoryDataRow<Mutant>> AllMutants() => Mutants.All.Select(mutant => new TheoryDataRow<Mutant>(mutant));

    [Theory]
    [MemberData(nameof(AllMutants))]
    public async Task A_broken_rule_is_found(Mutant mutant)
    {
        // The seed of the list first; after a change of the log's code another one may be the first to show it.
        var listed = ReadRules().Find(row => row.Rule == mutant.Rule).Seed;
        var found = await Behind.Run(() => BrokenLog.FindSeed(mutant, [listed, .. Enumerable.Range(1, MostSeeds)]));

        Assert.True(found is not null, $"{MostSeeds} schedules did not find out that this rule is broken: {mutant.Rule}");
        output.WriteLine($"{mutant.Rule}: seed {found.Value.Seed}{(found.Value.Seed == listed ? "" : $", not {listed} any more")}: {found.Value.Finding}");
    }

    [Fact]
    public async Task With_nothing_broken_nothing_is_found() =>
        Assert.Null(await Behind.Run(() => BrokenLog.FindSeed(broken: null, Enumerable.Range(1, 300))));

    [Fact]
    public void The_list_has_every_rule_and_what_breaks_it()
    {
        if (Environment.GetEnvironmentVariable("SIMULATION_RULES") is "write")
        {
            WriteRules();
        }

        Assert.Equal(Mutants.All.Select(m => (m.Rule, m.Broken, m.File)), ReadRules().Select(row => (row.Rule, row.Broken, row.File)));
        Assert.Equal(Mutants.All.Count, Mutants.All.Select(m => m.Rule).Distinct().Count());
    }

    private static List<(string Rule, string Broken, string File, int Seed)> ReadRules() =>
        [.. File.ReadLines(RulesFile)
            .Where(line => line.StartsWith("| ", StringComparison.Ordinal))
            .Skip(1)
            .Select(line => line.Split('|', StringSplitOptions.TrimEntries))
            .Select(cells => (cells[1], cells[2], cells[3].Trim('`'), int.Parse(cells[4], CultureInfo.InvariantCulture)))];

    private static void WriteRules()
    {
        var text = new StringBuilder("""
            # What the simulation would find

            Each rule of the log, broken in one place of the sources (`Mutants.cs`), and a seed whose schedule then violates a guarantee.
            `MutantTests` tries the seed, and others if the code has moved on since.

            | rule | broken | file | seed |
            |---|---|---|---|

            """);
        foreach (var mutant in Mutants.All)
        {
            var seed = BrokenLog.FindSeed(mutant, Enumerable.Range(1, MostSeedsForTheList))?.Seed ?? 0;
            text.Append(CultureInfo.InvariantCulture, $"| {mutant.Rule} | {mutant.Broken} | `{mutant.File}` | {seed} |\n");
        }

        File.WriteAllText(RulesFile, text.ToString());
    }
}
