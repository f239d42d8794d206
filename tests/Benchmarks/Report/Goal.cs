namespace Benchmarks;

/// <summary>Something that is wanted of the results.</summary>
/// <param name="What">Of what.</param>
/// <param name="Limit">How much.</param>
/// <param name="Unit">Of the limit and the value.</param>
/// <param name="AtLeast">It is the least that is wanted; else the most.</param>
/// <param name="Value">What was measured; null when it was not.</param>
internal sealed record Goal(string What, double Limit, string Unit, bool AtLeast, double? Value)
{
    public bool Reached => Value is { } value && (AtLeast ? value >= Limit : value <= Limit);

    /// <summary>The goals, with what the saved results say.</summary>
    public static IReadOnlyList<Goal> Of(IReadOnlyDictionary<string, SectionResult> sections)
    {
        var commands = sections.GetValueOrDefault("commands");
        var views = sections.GetValueOrDefault("views");
        var queries = sections.GetValueOrDefault("queries");
        return
        [
            new("commands/s at 256 connections, of the bare web server's answers", 0.35, "×", true, Rate(commands, CommandSection.Accounts, 256) / Rate(commands, CommandSection.Bare, 256)),
            new("commands/s at 64 connections, of the bare web server's answers", 0.15, "×", true, Rate(commands, CommandSection.Accounts, 64) / Rate(commands, CommandSection.Bare, 64)),
            new("p50 of one client alone, of the p50 of one durable save", 2, "×", false, Find(commands, CommandSection.Accounts, "new", 1)?.Result.P50 / Find(commands, CommandSection.Saves, "save", 1)?.Result.P50),
            new("commands/s at 256 connections, of those without group commit", 2, "×", true, Rate(commands, CommandSection.Accounts, 256) / Rate(commands, CommandSection.NoGroups, 256)),
            new("allocated for each command in the command service, at 256 connections", 8, "KB", false, Find(commands, CommandSection.Accounts, "new", 256)?.AllocatedPerAnswer("command") / 1024),
            new("from the answer to the view, p99, at 50 % of the greatest rate", 100, "ms", false, Figure(views, "at 50 %: from the answer to the view, p99")),
            new("rate at which views keep up, of the greatest rate of commands", 0.6, "×", true, Figure(views, "of the greatest rate of commands")),
            new(OnboardingSection.MadeAgain, 40_000, "events/s", true, Figure(sections.GetValueOrDefault("onboarding"), OnboardingSection.MadeAgain)),
            new(QuerySection.MadeAgain, 40_000, "events/s", true, Figure(queries, QuerySection.MadeAgain)),
            new("reads of one account at 64 connections, of the bare web server's answers", 0.25, "×", true, queries?.Steps.LastOrDefault(s => s is { Load: "one account" } && s.What != CommandSection.Bare)?.Result.PerSecond / Find(queries, CommandSection.Bare, "one account", 64)?.Result.PerSecond),
            new("first page of a list on many accounts, of that on 1,000 (p50)", 1.5, "×", false, Pages(queries)),
        ];
    }

    private static double? Rate(SectionResult? section, string what, int connections) => Find(section, what, "new", connections)?.Result.PerSecond;

    private static Step? Find(SectionResult? section, string what, string load, int connections) =>
        section?.Steps.FirstOrDefault(step => step.What == what && step.Load == load && step.Connections == connections);

    private static double? Figure(SectionResult? section, string what) => section?.Figures.FirstOrDefault(figure => figure.What == what)?.Value;

    /// <summary>The list that grows most.</summary>
    private static double? Pages(SectionResult? queries) => queries?.Steps
        .Where(step => step.Connections == 1)
        .GroupBy(step => step.Load)
        .Select(page => (double?)(page.Last().Result.P50 / page.First().Result.P50))
        .Max();
}
