using System.Diagnostics;
using System.Runtime.InteropServices;

namespace TestSupport;

/// <summary>Signals to processes; on Windows, where there are none, the process is killed.</summary>
public static class Signals
{
    public static void Interrupt(int process) => Send(process, 2);

    /// <summary>
    /// Whoever started the tests has SIGINT ignored, as a shell does for what it runs in the background; the processes that
    /// tests start inherit that, and no Ctrl-C reaches them.
    /// </summary>
    public static bool InterruptsAreIgnored =>
        File.Exists("/proc/self/status")
        && File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith("SigIgn:", StringComparison.Ordinal)) is { } line
        && (Convert.ToUInt64(line["SigIgn:".Length..].Trim(), 16) & 2) != 0;

    public static void Terminate(int process) => Send(process, 15);

    public static void Kill(int process) => Send(process, 9);

    /// <summary>Halts the process without ending it (SIGSTOP).</summary>
    public static void Pause(int process) => Send(process, OperatingSystem.IsMacOS() ? 17 : 19);

    /// <summary>Lets a paused process go on (SIGCONT).</summary>
    public static void Resume(int process) => Send(process, OperatingSystem.IsMacOS() ? 19 : 18);

    /// <summary>True while the process runs; a zombie does not.</summary>
    public static bool IsAlive(int process) => Birth(process) is not null;

    /// <summary>
    /// When the process was started, in a unit that only serves for comparing: a number of a process may be used again,
    /// and a test must not kill a stranger. Null when there is no such process.
    /// </summary>
    public static string? Birth(int process)
    {
        if (OperatingSystem.IsLinux())
        {
            try
            {
                // After the name, which may hold anything and ends with the last parenthesis: state is field 3, start time 22.
                var stat = File.ReadAllText($"/proc/{process}/stat");
                var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
                return fields[0] is "Z" or "X" ? null : fields[19];
            }
            catch (IOException)
            {
                return null;
            }
        }

        try
        {
            using var found = Process.GetProcessById(process);
            return found.HasExited ? null : found.StartTime.ToString("O", System.Globalization.CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            return null;
        }
    }

    private static void Send(int process, int signal)
    {
        if (!OperatingSystem.IsWindows())
        {
            _ = SendSignal(process, signal);
            return;
        }

        try
        {
            using var found = Process.GetProcessById(process);
            found.Kill(entireProcessTree: true);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            // Gone.
        }
    }

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SendSignal(int process, int signal);
}
