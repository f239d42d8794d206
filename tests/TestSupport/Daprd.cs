using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace TestSupport;

/// <summary>
/// Real Dapr, where it is installed: sidecars, and a placement service of their own when that is on the PATH too; else the one at
/// <c>DAPR_PLACEMENT_HOST_ADDRESS</c>, or at the usual place. The scheduler likewise, but it is never started.
/// </summary>
public sealed class Daprd : IAsyncDisposable
{
    private static readonly string SearchPath = Environment.GetEnvironmentVariable("PATH") ?? "";
    private static readonly string UsualPlacement = Environment.GetEnvironmentVariable("DAPR_PLACEMENT_HOST_ADDRESS") ?? "localhost:50005";

    private readonly string _folder;
    private readonly string _path;
    private readonly IReadOnlyDictionary<string, string?> _environment;
    private readonly List<Process> _processes = [];
    private readonly ConcurrentQueue<string> _output = new();
    private readonly string _placement = UsualPlacement;

    /// <param name="folder">The working directory: relative paths in component files are below it.</param>
    /// <param name="environment">Set for every process; null removes a variable.</param>
    /// <param name="path">Where programs are looked for, instead of the PATH.</param>
    public Daprd(string folder, IReadOnlyDictionary<string, string?>? environment = null, string? path = null)
    {
        (_folder, _path, _environment) = (folder, path ?? SearchPath, environment ?? new Dictionary<string, string?>());
        if (Find("placement", _path) is { } program)
        {
            var port = Text(FreePorts.Next());
            _placement = $"localhost:{port}";
            Start(program, ["--port", port, "--healthz-port", Text(FreePorts.Next()), "--enable-metrics=false", "--log-level", "error"]);
        }
    }

    /// <summary>Why there is no real Dapr to test with; null when there is.</summary>
    public static string? Missing { get; } = MissingFrom(SearchPath, UsualPlacement);

    /// <summary>The same for other places to look at: a sidecar, and a placement service to start or one that answers at the address.</summary>
    public static string? MissingFrom(string path, string placement) =>
        Find("daprd", path) is null ? "There is no daprd on the PATH."
        : Find("placement", path) is null && !FreePorts.AnswersAsync(placement).GetAwaiter().GetResult()
            ? $"There is a daprd, but no placement on the PATH, and none answers at {placement}."
        : null;

    /// <summary>What the processes wrote.</summary>
    public string Output => string.Join('\n', _output);

    /// <summary>Waits until the placement service of its own, if there is one, takes connections.</summary>
    public async Task PlacementAnswersAsync()
    {
        if (_processes.Count > 0)
        {
            await Eventually.True(() => FreePorts.AnswersAsync(_placement), "placement answers");
        }
    }

    /// <summary>Starts a sidecar. Where placement and scheduler are it is told here.</summary>
    public void StartSidecar(IEnumerable<string> arguments) => Start(
        Find("daprd", _path) ?? throw new InvalidOperationException(Missing),
        [
            .. arguments,
            "--placement-host-address", _placement,
            "--scheduler-host-address", Environment.GetEnvironmentVariable("DAPR_SCHEDULER_HOST_ADDRESS") ?? "localhost:50006",
        ]);

    public async ValueTask DisposeAsync()
    {
        foreach (var process in Enumerable.Reverse(_processes))
        {
            if (!process.HasExited)
            {
                Signals.Terminate(process.Id);
                await Task.WhenAny(process.WaitForExitAsync(), Task.Delay(TimeSpan.FromSeconds(10)));
                process.Kill(entireProcessTree: true);
            }

            process.Dispose();
        }
    }

    private static string? Find(string program, string path) => path.Split(Path.PathSeparator)
        .Select(folder => Path.Combine(folder, OperatingSystem.IsWindows() ? program + ".exe" : program))
        .FirstOrDefault(File.Exists);

    private static string Text(int port) => port.ToString(CultureInfo.InvariantCulture);

    private void Start(string program, IEnumerable<string> arguments)
    {
        var info = new ProcessStartInfo(program, arguments) { WorkingDirectory = _folder, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in _environment)
        {
            info.Environment[name] = value;
        }

        var process = Process.Start(info)!;
        process.OutputDataReceived += (_, line) => _output.Enqueue(line.Data ?? "");
        process.ErrorDataReceived += (_, line) => _output.Enqueue(line.Data ?? "");
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _processes.Add(process);
    }
}
