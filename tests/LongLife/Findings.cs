using System.Globalization;
using System.Runtime.InteropServices;
using TestSupport;

namespace LongLife;

/// <summary>What was measured, beside the goals.</summary>
internal sealed class Findings(int events)
{
    private const int MostMegabytes = 400;
    private static readonly TimeSpan LongestStart = TimeSpan.FromSeconds(5);

    /// <summary>The most memory (resident bytes) of the command service until half of the accounts were opened.</summary>
    public long MemoryAtHalf { get; set; }

    /// <summary>The same until all were.</summary>
    public long MemoryAtEnd { get; set; }

    /// <summary>How long the writing took.</summary>
    public TimeSpan Writing { get; set; }

    /// <summary>
    /// From the birth of the process to answers from every partition, after kill -9 in the middle of writing: what was written in the
    /// half minute before is read again.
    /// </summary>
    public TimeSpan StartInTheMidst { get; set; }

    /// <summary>The same after kill -9 when half a minute before nothing was written.</summary>
    public TimeSpan StartAfterKill { get; set; }

    /// <summary>The same after an orderly stop.</summary>
    public TimeSpan Start { get; set; }

    public bool AllHold => MemoryAtHalf >> 20 < MostMegabytes && Start < LongestStart && StartAfterKill < LongestStart;

    public string Report() => string.Create(CultureInfo.InvariantCulture, $"""
        # A long log

        Made by `dotnet run --project tests/LongLife`: the command service and the embedded sidecar on SQLite, at their defaults. {events:N0} accounts are
        opened by imports (an event each), then the service is killed, started, and after a while killed, started, stopped and started again.

        Machine: {Environment.ProcessorCount} cores, {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1 << 30)} GiB of memory, {RuntimeInformation.OSDescription.Split('#')[0].Trim()}, {RuntimeInformation.FrameworkDescription}.

        | | measured | goal |
        |---|---|---|
        | memory of the command service with {events / 2:N0} accounts touched | {MemoryAtHalf >> 20} MB | < {MostMegabytes} MB |
        | with {events:N0} | {MemoryAtEnd >> 20} MB | |
        | from the start of the process to answers from all partitions, {events:N0} events, after kill -9 | {StartAfterKill.TotalSeconds:0.0} s | < {LongestStart.TotalSeconds:0} s |
        | after an orderly stop | {Start.TotalSeconds:0.0} s | < {LongestStart.TotalSeconds:0} s |
        | after kill -9 in the midst of writing, which is {StartInTheMidst.TotalSeconds / Writing.TotalSeconds:0.0} × as long as the writing took | {StartInTheMidst.TotalSeconds:0.0} s | |
        | writing all of it | {Writing.TotalSeconds:0} s | |

        Memory depends little on how many accounts there are, or on the rate: of the commands of the last half minute the writer remembers where they
        were recorded, and of the accounts it keeps those that were touched last. A start reads what was written in the half minute before the
        last command, because such answers have to be known again, and nothing older.

        That an account with 10,000 events costs what one with 10 costs, and that a start reads the tail alone, is a test: `LongLifeTests`.

        """);

    public void Save()
    {
        var folder = Directory.CreateDirectory(Path.Combine(Repository.Root, "docs", "benchmarks"));
        File.WriteAllText(Path.Combine(folder.FullName, "long-life.md"), Report());
    }
}
