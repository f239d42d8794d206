using System.Diagnostics;
using TestSupport;

namespace Repository.Tests;

/// <summary>The files of the repository: what git tracks, and what it would track.</summary>
internal static class Tracked
{
    /// <summary>Paths relative to the root, with slashes.</summary>
    public static IReadOnlyList<string> Files { get; } = List();

    public static IEnumerable<string> Ending(params string[] endings) =>
        Files.Where(file => endings.Any(ending => file.EndsWith(ending, StringComparison.Ordinal)));

    public static string Absolute(string file) => Path.Combine(TestSupport.Repository.Root, file);

    public static string Text(string file) => File.ReadAllText(Absolute(file));

    public static string[] Lines(string file) => File.ReadAllLines(Absolute(file));

    private static List<string> List()
    {
        var start = new ProcessStartInfo("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        {
            WorkingDirectory = TestSupport.Repository.Root,
            RedirectStandardOutput = true,
        };
        using var git = Process.Start(start)!;
        var output = git.StandardOutput.ReadToEnd();
        git.WaitForExit();
        Assert.Equal(0, git.ExitCode);
        return [.. output.Split('\0', StringSplitOptions.RemoveEmptyEntries).Where(file => File.Exists(Absolute(file))).Order(StringComparer.Ordinal)];
    }
}
