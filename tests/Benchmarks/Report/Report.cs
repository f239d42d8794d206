using System.Globalization;
using System.Text;

namespace Benchmarks;

/// <summary>The report as Markdown.</summary>
internal static class Report
{
    public static string Write(IReadOnlyDictionary<string, SectionResult> sections)
    {
        var text = new StringBuilder("# Results\n\nWritten by the benchmark; [README.md](README.md) says what is measured and how.\n");
        foreach (var section in sections.Values.OrderBy(s => s.Section, StringComparer.Ordinal))
        {
            text.Append(CultureInfo.InvariantCulture, $"\n## {section.Section}\n\nCommit {section.Commit}, on {section.Machine}.\n\n");
            text.Append("| under load | requests | connections | a second | p50 ms | p95 ms | p99 ms | CPU µs each | of it |\n|---|---|--:|--:|--:|--:|--:|--:|---|\n");
            foreach (var step in section.Steps)
            {
                var parts = string.Join(", ", step.Use.Select(use => string.Create(CultureInfo.InvariantCulture, $"{use.Name} {step.CpuPerAnswer(use.Name):0}")));
                text.Append(CultureInfo.InvariantCulture, $"| {step.What} | {step.Load} | {step.Connections} | {step.Result.PerSecond:#,0} | {step.Result.P50:0.00} | {step.Result.P95:0.00} | {step.Result.P99:0.00} | {step.CpuPerAnswer():0} | {parts} |\n");
            }

            foreach (var figure in section.Figures)
            {
                text.Append(CultureInfo.InvariantCulture, $"\n- {figure.What}: {figure.Value:#,0.##} {figure.Unit}");
            }

            foreach (var check in section.Checks)
            {
                text.Append(CultureInfo.InvariantCulture, $"\n- {(check.Held ? "holds" : "**does not hold**")}: {check.What} ({check.Said})");
            }

            text.Append('\n');
        }

        return text.ToString();
    }
}
