using System.Globalization;
using System.Text;

namespace Benchmarks;

/// <summary>The report as Markdown, and its pictures.</summary>
internal static class Report
{
    public static string Write(IReadOnlyDictionary<string, SectionResult> sections)
    {
        var text = new StringBuilder("# Results\n\nWritten by the benchmark; [README.md](README.md) says what is measured and how.\n\n");
        text.Append("| goal | wanted | measured | |\n|---|--:|--:|---|\n");
        foreach (var goal in Goal.Of(sections))
        {
            var measured = goal.Value is { } value ? string.Create(CultureInfo.InvariantCulture, $"{value:#,0.##} {goal.Unit}") : "";
            text.Append(CultureInfo.InvariantCulture, $"| {goal.What} | {(goal.AtLeast ? "≥" : "≤")} {goal.Limit:#,0.##} {goal.Unit} | {measured} | {(goal.Value is null ? "not measured" : goal.Reached ? "reached" : "**missed**")} |\n");
        }

        foreach (var section in sections.Values.OrderBy(s => s.Section, StringComparer.Ordinal))
        {
            Write(section, text);
        }

        return text.ToString();
    }

    /// <summary>Processor time for each command, process by process; null when commands were not measured.</summary>
    public static string? DrawCommands(IReadOnlyDictionary<string, SectionResult> sections)
    {
        if (!sections.TryGetValue("commands", out var commands))
        {
            return null;
        }

        var bars = commands.Steps
            .Where(step => step is { Load: "new", Connections: > 1, What: not CommandSection.NoGroups })
            .Select(step => ($"{step.What}, {step.Connections} connections", (IReadOnlyList<(string, double)>)[.. step.Use.Where(use => use.Name != "query").Select(use => (use.Name, step.CpuPerAnswer(use.Name)))]));
        return Bars.Draw("Processor time for each command, in µs, by process", [.. bars]);
    }

    /// <summary>Where the processor time of each process goes; null when it was not measured.</summary>
    public static string? DrawProfile(IReadOnlyDictionary<string, SectionResult> sections)
    {
        if (!sections.TryGetValue("profile", out var profile))
        {
            return null;
        }

        var bars = profile.Figures
            .Select(figure => (Names: figure.What.Split(": ", 2), figure.Value))
            .GroupBy(figure => figure.Names[0])
            .Select(process => (process.Key, (IReadOnlyList<(string, double)>)[.. process.Select(figure => (figure.Names[1], figure.Value))]));
        return Bars.Draw("Processor time while 256 clients open accounts, in % of all", [.. bars]);
    }

    private static void Write(SectionResult section, StringBuilder text)
    {
        text.Append(CultureInfo.InvariantCulture, $"\n## {section.Section}\n\nCommit {section.Commit}, on {section.Machine}.\n\n");
        if (section.Steps.Count > 0)
        {
            text.Append("| under load | requests | connections | a second | p50 ms | p95 ms | p99 ms | CPU µs each | of it | memory MB |\n|---|---|--:|--:|--:|--:|--:|--:|---|---|\n");
        }

        foreach (var step in section.Steps)
        {
            var parts = Listed(step.Use, use => step.CpuPerAnswer(use.Name));
            var memory = Listed(step.Use.Where(use => use.Megabytes > 0 && use.Name != "generator"), use => use.Megabytes);
            var allocated = step.AllocatedPerAnswer("command") is { } bytes and > 0 ? string.Create(CultureInfo.InvariantCulture, $"; command allocates {bytes / 1024:0.0} KB each") : "";
            text.Append(CultureInfo.InvariantCulture, $"| {step.What} | {step.Load} | {step.Connections} | {step.Result.PerSecond:#,0} | {step.Result.P50:0.00} | {step.Result.P95:0.00} | {step.Result.P99:0.00} | {step.CpuPerAnswer():0} | {parts} | {memory}{allocated} |\n");
        }

        foreach (var figure in section.Figures)
        {
            text.Append(string.Create(CultureInfo.InvariantCulture, $"\n- {figure.What}: {figure.Value:#,0.##} {figure.Unit}").TrimEnd());
        }

        foreach (var check in section.Checks)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n- {(check.Held ? "holds" : "**does not hold**")}: {check.What} ({check.Said})");
        }

        text.Append('\n');
    }

    private static string Listed(IEnumerable<ProcessUse> uses, Func<ProcessUse, double> value) =>
        string.Join(", ", uses.Select(use => string.Create(CultureInfo.InvariantCulture, $"{use.Name} {value(use):0}")));
}
