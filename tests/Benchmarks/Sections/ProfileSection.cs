using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Benchmarks;

/// <summary>
/// Where processor time goes while accounts are opened, by process and by what the code belongs to. Linux with <c>perf</c> only; the
/// runtime is asked for a map of what it has compiled.
/// </summary>
internal static partial class ProfileSection
{
    private const double Least = 0.5;

    public static async Task RunAsync(Measuring measuring)
    {
        if (!OperatingSystem.IsLinux() || Environment.GetEnvironmentVariable("PATH")!.Split(':').All(folder => !File.Exists(Path.Combine(folder, "perf"))))
        {
            Console.WriteLine("  not measured: there is no perf");
            return;
        }

        await using var system = await AccountSystem.StartAsync(new SystemSettings { MapCompiled = true });
        await CommandSection.WarmUpAsync(system, measuring);
        using var folder = new TestSupport.TemporaryFolder();
        var load = system.LoadAsync(measuring.Plan(Workload.New, 256, system.Commands) with { Seconds = 6 });
        await Task.Delay(TimeSpan.FromSeconds(2));
        await RunAsync("record", "-F", "499", "-a", "-o", folder.At("perf.data"), "--", "sleep", "4");
        measuring.Add("with a profiler", "new", 256, await load);
        var samples = (await RunAsync("script", "-i", folder.At("perf.data"), "-F", "pid,ip,sym,dso")).Split('\n');

        var names = system.ProcessNames;
        var counted = samples.Select(line => Sample().Match(line)).Where(found => found.Success)
            .CountBy(found => (Process: names.GetValueOrDefault(int.Parse(found.Groups["pid"].Value, System.Globalization.CultureInfo.InvariantCulture), "generator and others"), Part: PartOf(found.Groups["symbol"].Value, found.Groups["file"].Value)))
            .ToList();
        double all = counted.Sum(part => part.Value);
        foreach (var process in counted.GroupBy(part => part.Key.Process).OrderByDescending(process => process.Sum(part => part.Value)))
        {
            var parts = process.Select(part => (part.Key.Part, Share: part.Value / all * 100)).OrderByDescending(part => part.Share).ToList();
            foreach (var (part, share) in parts.Where(part => part.Share >= Least))
            {
                measuring.Add(new Figure($"{process.Key}: {part}", share, "%"));
            }

            measuring.Add(new Figure($"{process.Key}: the rest", parts.Where(part => part.Share < Least).Sum(part => part.Share), "%"));
        }
    }

    /// <summary>What a sample belongs to: the assembly in the runtime's map, or the library, or the kernel.</summary>
    public static string PartOf(string symbol, string file) =>
        file.Contains("kernel", StringComparison.Ordinal) ? "kernel"
        : file.Contains("sqlite", StringComparison.Ordinal) ? "SQLite"
        : file.Contains("libclrjit", StringComparison.Ordinal) ? "compiling"
        : file.Contains("libcoreclr", StringComparison.Ordinal) ? "runtime, collector"
        : Compiled().Match(symbol) is { Success: true } compiled ? Family(compiled.Groups[1].Value)
        : file.EndsWith(".dll", StringComparison.Ordinal) ? Family(Path.GetFileNameWithoutExtension(file))
        : "other libraries";

    private static string Family(string assembly) => assembly switch
    {
        _ when assembly.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal) || assembly is "System.IO.Pipelines" => "web server",
        _ when assembly.StartsWith("Grpc", StringComparison.Ordinal) || assembly is "Google.Protobuf" or "System.Net.Http" || assembly.StartsWith("Dapr", StringComparison.Ordinal) => "gRPC, Dapr",
        "System.Text.Json" => "JSON",
        _ when assembly.StartsWith("Accounts", StringComparison.Ordinal) || assembly is "EventLog" or "ServiceDefaults" or "Sidecar" => "our own code",
        _ => "base library",
    };

    private static async Task<string> RunAsync(params string[] arguments)
    {
        using var perf = Process.Start(new ProcessStartInfo("perf", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = perf.StandardError.ReadToEndAsync();
        var output = await perf.StandardOutput.ReadToEndAsync();
        await perf.WaitForExitAsync();
        await errors;
        return output;
    }

    [GeneratedRegex(@"^\s*(?<pid>\d+)\s+[0-9a-f]+ (?<symbol>.*) \((?<file>[^()]*(\([^()]*\))?[^()]*)\)$")]
    private static partial Regex Sample();

    [GeneratedRegex(@"\[([A-Za-z][A-Za-z0-9_.]+)\] [A-Za-z]")]
    private static partial Regex Compiled();
}
