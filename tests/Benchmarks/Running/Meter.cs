using System.Diagnostics;

namespace Benchmarks;

/// <summary>What a process used while it was measured.</summary>
/// <param name="Name">The part it plays.</param>
/// <param name="CpuSeconds">Processor time of all its threads, kernel included.</param>
/// <param name="Megabytes">Its working set at the end.</param>
/// <param name="AllocatedBytes">What it allocated on the managed heap; null where it was not asked.</param>
internal sealed record ProcessUse(string Name, double CpuSeconds, double Megabytes, long? AllocatedBytes);

/// <summary>Reads what processes use.</summary>
/// <param name="processes">By name; several may share one.</param>
/// <param name="probes">The folder where those that can be asked for their heap listen (<c>StartupHook</c>), or null.</param>
internal sealed class Meter(IReadOnlyList<(string Name, int Id)> processes, string? probes = null) : IDisposable
{
    /// <summary>All that the machine did besides: the kernel for nobody in particular, and strangers, who spoil a measurement.</summary>
    public const string Others = "others";

    // Of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal; in hundredths of a second.
    private static readonly int[] BusyFields = [1, 2, 3, 6, 7, 8];

    private readonly List<(string Name, Process Process)> _processes = [.. processes.Select(p => (p.Name, Process.GetProcessById(p.Id)))];
    private List<(TimeSpan Cpu, long? Allocated)> _before = [];
    private double? _machineBefore;

    /// <summary>A meter for one process more.</summary>
    public Meter With(string name, int id) => new([.. processes, (name, id)], probes);

    public void Begin() => (_before, _machineBefore) = (Read(), MachineSeconds());

    /// <summary>What each used since <see cref="Begin"/>; those of one name together.</summary>
    public IReadOnlyList<ProcessUse> End()
    {
        var after = Read();
        var each = _processes.Select((p, i) => new ProcessUse(
            p.Name,
            (after[i].Cpu - _before[i].Cpu).TotalSeconds,
            p.Process.WorkingSet64 / (1024.0 * 1024.0),
            after[i].Allocated - _before[i].Allocated));
        List<ProcessUse> together = [.. each.GroupBy(use => use.Name).Select(same => new ProcessUse(
            same.Key,
            same.Sum(use => use.CpuSeconds),
            same.Sum(use => use.Megabytes),
            same.All(use => use.AllocatedBytes is null) ? null : same.Sum(use => use.AllocatedBytes)))];
        if (MachineSeconds() - _machineBefore is { } machine)
        {
            together.Add(new ProcessUse(Others, Math.Max(0, machine - together.Sum(use => use.CpuSeconds)), 0, null));
        }

        return together;
    }

    public void Dispose() => _processes.ForEach(p => p.Process.Dispose());

    /// <summary>Processor time that the whole machine has used; null where it does not say.</summary>
    private static double? MachineSeconds()
    {
        if (!File.Exists("/proc/stat"))
        {
            return null;
        }

        var fields = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return BusyFields.Sum(field => long.Parse(fields[field], System.Globalization.CultureInfo.InvariantCulture)) / 100.0;
    }

    private List<(TimeSpan Cpu, long? Allocated)> Read()
    {
        // What makes the load ends soon after it has said so; to ask the others takes a while.
        var cpu = _processes.ConvertAll(p =>
        {
            p.Process.Refresh();
            return p.Process.TotalProcessorTime;
        });
        return [.. _processes.Select((p, i) => (cpu[i], probes is null ? null : StartupHook.Ask(probes, p.Process.Id)))];
    }
}
