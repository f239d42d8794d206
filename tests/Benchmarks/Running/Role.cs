using System.Diagnostics;
using System.Text.Json;

namespace Benchmarks;

/// <summary>The parts of the benchmark that run as processes of their own, from this same assembly.</summary>
internal static class Role
{
    public const string Load = "load";
    public const string Saves = "saves";
    public const string Bare = "bare";

    /// <summary>Starts a part.</summary>
    public static Process Start(string role, string argument, IReadOnlyDictionary<string, string>? environment = null)
    {
        var info = new ProcessStartInfo("dotnet", [typeof(Role).Assembly.Location, role, argument]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            info.Environment[name] = value;
        }

        return Process.Start(info)!;
    }

    /// <summary>
    /// Runs a part that makes load: it writes <c>begin</c> and <c>end</c> around what is measured, and then its result. It ends when
    /// its input does, because what it has used can be read only of a process that is there.
    /// </summary>
    /// <param name="role">The part.</param>
    /// <param name="plan">What it is to do.</param>
    /// <param name="meter">Reads what the processes use in between; the part itself is added as "generator".</param>
    /// <param name="environment">For its process.</param>
    public static async Task<(LoadResult Result, IReadOnlyList<ProcessUse> Use)> RunAsync<TPlan>(
        string role, TPlan plan, Meter meter, IReadOnlyDictionary<string, string>? environment = null)
    {
        using var process = Start(role, JsonSerializer.Serialize(plan), environment);
        using var measuring = meter.With("generator", process.Id);
        IReadOnlyList<ProcessUse> use = [];
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            switch (line)
            {
                case "begin":
                    measuring.Begin();
                    break;
                case "end":
                    use = measuring.End();
                    break;
                case ['{', ..]:
                    process.StandardInput.Close();
                    return (JsonSerializer.Deserialize<LoadResult>(line)!, use);
                default:
                    Console.Error.WriteLine(line);
                    break;
            }
        }

        throw new InvalidOperationException($"The {role} process ended without a result.");
    }
}
