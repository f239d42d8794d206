using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Sidecar.Hosting;

/// <summary>What the operating systems offer beyond .NET: asking a process to end, and finding its descendants.</summary>
internal static class Processes
{
    private const int Sigterm = 15;
    private const int Sigkill = 9;
    private const int ChildSubreaper = 36;
    private const uint CtrlBreak = 1;

    /// <summary>
    /// Asks the process to end: SIGTERM, or Ctrl-Break where there are no signals (the process must lead a group of its
    /// own there). A process that is gone already is no error.
    /// </summary>
    public static void Terminate(int id)
    {
        if (OperatingSystem.IsWindows())
        {
            _ = GenerateConsoleCtrlEvent(CtrlBreak, id);
        }
        else
        {
            _ = Kill(id, Sigterm);
        }
    }

    /// <summary>Ends the process at once. One that is gone already is no error.</summary>
    public static void Kill(int id)
    {
        if (OperatingSystem.IsWindows())
        {
            try
            {
                using var process = Process.GetProcessById(id);
                process.Kill(entireProcessTree: true);
            }
            catch (Exception e) when (e is ArgumentException or InvalidOperationException)
            {
                // Gone.
            }
        }
        else
        {
            _ = Kill(id, Sigkill);
        }
    }

    /// <summary>True while a process with this id exists; not for Windows.</summary>
    public static bool IsAlive(int id) => Kill(id, 0) == 0;

    /// <summary>
    /// Makes the host the parent of what its apps leave behind, so that <see cref="Descendants"/> finds it. Only Linux
    /// can do this.
    /// </summary>
    public static void AdoptOrphans()
    {
        if (OperatingSystem.IsLinux())
        {
            _ = PrCtl(ChildSubreaper, 1, 0, 0, 0);
        }
    }

    /// <summary>All living processes below this one. On Windows none: killing a tree is .NET's work there.</summary>
    public static HashSet<int> Descendants()
    {
        var parents = OperatingSystem.IsLinux() ? FromProc() : OperatingSystem.IsWindows() ? [] : FromPs();
        var children = parents.ToLookup(p => p.Parent, p => p.Id);
        var found = new HashSet<int>();
        var next = new Queue<int>([Environment.ProcessId]);
        while (next.TryDequeue(out var id))
        {
            foreach (var child in children[id].Where(found.Add))
            {
                next.Enqueue(child);
            }
        }

        return found;
    }

    private static List<(int Id, int Parent)> FromProc()
    {
        var list = new List<(int, int)>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var id))
            {
                continue;
            }

            try
            {
                // After the name, which may hold anything and ends with the last parenthesis: state, parent.
                var stat = File.ReadAllText(Path.Combine(folder, "stat"));
                var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
                if (fields[0] is not ("Z" or "X"))
                {
                    list.Add((id, int.Parse(fields[1], CultureInfo.InvariantCulture)));
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It ended meanwhile.
            }
        }

        return list;
    }

    private static List<(int Id, int Parent)> FromPs()
    {
        using var ps = Process.Start(new ProcessStartInfo("ps", ["-A", "-o", "pid=,ppid=,stat="]) { RedirectStandardOutput = true })!;
        var lines = ps.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        ps.WaitForExit();
        return [.. lines
            .Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(f => f.Length == 3 && f[2][0] != 'Z' && f[0] != ps.Id.ToString(CultureInfo.InvariantCulture))
            .Select(f => (int.Parse(f[0], CultureInfo.InvariantCulture), int.Parse(f[1], CultureInfo.InvariantCulture)))];
    }

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Kill(int id, int signal);

    [DllImport("libc", EntryPoint = "prctl")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int PrCtl(int option, ulong a, ulong b, ulong c, ulong d);

    [DllImport("kernel32")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static extern int GenerateConsoleCtrlEvent(uint controlEvent, int processGroup);
}
