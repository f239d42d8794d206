using System.Globalization;

namespace Benchmarks;

/// <summary>One measured step.</summary>
/// <param name="What">What was under load.</param>
/// <param name="Load">The requests, or how the step is called.</param>
/// <param name="Connections">Connections, or callers side by side.</param>
/// <param name="Result">What the generator saw.</param>
/// <param name="Use">What the processes used.</param>
internal sealed record Step(string What, string Load, int Connections, LoadResult Result, IReadOnlyList<ProcessUse> Use)
{
    /// <summary>Processor time for each answer, in microseconds, of one process or of all.</summary>
    public double CpuPerAnswer(string? process = null) =>
        Use.Where(use => process is null || use.Name == process).Sum(use => use.CpuSeconds) * 1e6 / Math.Max(1, Result.Answered);

    /// <summary>Bytes that a process allocated for each answer.</summary>
    public double? AllocatedPerAnswer(string process) =>
        Use.FirstOrDefault(use => use.Name == process)?.AllocatedBytes / (double)Math.Max(1, Result.Answered);
}

/// <summary>One of several that are compared.</summary>
/// <param name="What">What is under load.</param>
/// <param name="Load">The requests.</param>
/// <param name="Connections">Connections, or callers side by side.</param>
/// <param name="Measure">Measures it; is given the number of the round.</param>
internal sealed record Contender(string What, string Load, int Connections, Func<int, Task<(LoadResult Result, IReadOnlyList<ProcessUse> Use)>> Measure);

/// <summary>Something that had to be so, and whether it was.</summary>
internal sealed record Check(string What, bool Held, string Said);

/// <summary>A number that is no step.</summary>
internal sealed record Figure(string What, double Value, string Unit);

/// <summary>What a section has measured.</summary>
internal sealed record SectionResult(string Section, string Commit, string Machine, List<Step> Steps, List<Figure> Figures, List<Check> Checks);

/// <summary>A section at work: how long its steps are, and what they gave.</summary>
/// <param name="section">Its name.</param>
/// <param name="quick">Fewer steps.</param>
/// <param name="seconds">How long each step is measured.</param>
/// <param name="accounts">How many accounts are many.</param>
internal sealed class Measuring(string section, bool quick, double seconds, int accounts)
{
    private const int Rounds = 3;

    public bool Quick => quick;

    public int Accounts => accounts;

    public SectionResult Result { get; } = new(section, Machine.Commit, Machine.Description, [], [], []);

    /// <summary>A run of the load generator of this section's length.</summary>
    public LoadPlan Plan(Workload workload, int connections, params IReadOnlyList<Uri> servers) =>
        new() { Servers = servers, Workload = workload, Connections = connections, Seconds = seconds };

    /// <summary>Keeps a step and shows it.</summary>
    public Step Add(string what, string load, int connections, (LoadResult Result, IReadOnlyList<ProcessUse> Use) measured)
    {
        var step = Show(new Step(what, load, connections, measured.Result, measured.Use));
        Result.Steps.Add(step);
        return step;
    }

    /// <summary>
    /// Measures several in turn, three times over, and gives of each the round in the middle: what is compared was measured side by
    /// side, and no slow moment of the machine decides. They are shown, and not kept yet.
    /// </summary>
    public async Task<IReadOnlyList<Step>> InTurnAsync(params IReadOnlyList<Contender> contenders)
    {
        var measured = contenders.Select(_ => new List<Step>()).ToList();
        for (var round = 1; round <= (quick ? 1 : Rounds); round++)
        {
            foreach (var (index, contender) in contenders.Index())
            {
                var (result, use) = await contender.Measure(round);
                measured[index].Add(Show(new Step(contender.What, contender.Load, contender.Connections, result, use)));
            }
        }

        return [.. measured.Select(rounds => rounds.OrderBy(step => step.Result.P50).ElementAt(rounds.Count / 2))];
    }

    /// <summary>Keeps steps that were shown, those of one thing together, in the order in which each thing came first.</summary>
    public void Keep(IReadOnlyList<Step> steps)
    {
        foreach (var ofOne in steps.GroupBy(step => step.What))
        {
            Result.Steps.AddRange(ofOne);
        }
    }

    private static Step Show(Step step)
    {
        var failed = step.Result.Failed.Count == 0 ? "" : $"  failed: {string.Join(", ", step.Result.Failed.Select(f => $"{f.Key} × {f.Value}"))}";
        var use = string.Join(", ", step.Use.Select(u => string.Create(CultureInfo.InvariantCulture, $"{u.Name} {step.CpuPerAnswer(u.Name):0}")));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  {step.What,-18} {step.Load,-8} {step.Connections,5}  {step.Result.PerSecond,9:#,0}/s  p50 {step.Result.P50,7:0.00}  p95 {step.Result.P95,7:0.00}  p99 {step.Result.P99,7:0.00} ms  µs: {use}  allocated {step.AllocatedPerAnswer("command") ?? 0:#,0} B{failed}"));
        return step;
    }

    public void Add(Figure figure)
    {
        Result.Figures.Add(figure);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {figure.What}: {figure.Value:#,0.##} {figure.Unit}"));
    }

    public void Add(Check check)
    {
        Result.Checks.Add(check);
        Console.WriteLine($"  {(check.Held ? "holds" : "DOES NOT HOLD")}: {check.What} ({check.Said})");
    }

    /// <summary>Checks that the log of a system holds what was acknowledged and nothing else.</summary>
    public async Task VerifyAsync(AccountSystem system, string what, int versionsPerAccount = 0)
    {
        var (exact, said) = await system.VerifyAsync(versionsPerAccount);
        Add(new Check($"{what}: the log holds what was acknowledged, and nothing else", exact, said));
    }
}
