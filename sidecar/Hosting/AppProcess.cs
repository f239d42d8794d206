using System.Diagnostics;

namespace Sidecar.Hosting;

/// <summary>A running app: its output goes to the console line by line, and its last lines are kept for its obituary.</summary>
internal sealed class AppProcess : IDisposable
{
    private const int KeptLines = 20;

    private readonly Process _process;
    private readonly Queue<string> _last = new();

    private AppProcess(string label, Process process, HostConsole console)
    {
        Label = label;
        Id = process.Id;
        _process = process;
        Exited = ExitedAsync([PumpAsync(process.StandardOutput, console), PumpAsync(process.StandardError, console)]);
    }

    /// <summary>The app id; with <c>#2</c> and so on for further replicas.</summary>
    public string Label { get; }

    public int Id { get; }

    /// <summary>The exit code, once the process has ended and what it had written has been read.</summary>
    public Task<int> Exited { get; }

    /// <summary>At most 20 lines, the newest last.</summary>
    public IReadOnlyList<string> LastLines
    {
        get
        {
            lock (_last)
            {
                return [.. _last];
            }
        }
    }

    /// <summary>Starts the program in its folder; it inherits the host's environment, and <paramref name="environment"/> goes over it.</summary>
    /// <exception cref="System.ComponentModel.Win32Exception">The system cannot start it.</exception>
    public static AppProcess Start(string label, string program, IEnumerable<string> arguments, string folder, IEnumerable<KeyValuePair<string, string>> environment, HostConsole console)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        if (OperatingSystem.IsWindows())
        {
            // Else a Ctrl-Break for the app would reach the host too.
            start.CreateNewProcessGroup = true;
        }

        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        var process = Process.Start(start)!;
        process.StandardInput.Close();
        return new AppProcess(label, process, console);
    }

    public void KillTree()
    {
        try
        {
            _process.Kill(entireProcessTree: true);
        }
        catch (Exception e) when (e is InvalidOperationException or AggregateException or System.ComponentModel.Win32Exception)
        {
            // It ended meanwhile.
        }
    }

    public void Dispose() => _process.Dispose();

    private async Task<int> ExitedAsync(Task[] pumps)
    {
        await _process.WaitForExitAsync();

        // A process that the app left behind may hold its streams open.
        await Task.WhenAny(Task.WhenAll(pumps), Task.Delay(TimeSpan.FromMilliseconds(500)));
        return _process.ExitCode;
    }

    private async Task PumpAsync(StreamReader reader, HostConsole console)
    {
        try
        {
            while (await reader.ReadLineAsync() is { } line)
            {
                lock (_last)
                {
                    _last.Enqueue(line);
                    if (_last.Count > KeptLines)
                    {
                        _last.Dequeue();
                    }
                }

                console.AppLine(Label, line);
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The stream went with the process.
        }
    }
}
