using System.Collections.Immutable;
using System.Text.RegularExpressions;
using TestSupport;

namespace Deployment.Tests.Checks;

/// <summary>The metrics that the services measure, as Prometheus names them.</summary>
internal static partial class OwnMetrics
{
    public static ImmutableHashSet<string> Names { get; } =
    [
        // ASP.NET's own.
        "http_server_request_duration_seconds",
        .. new[] { "services", "libraries" }
            .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(Repository.Root, folder), "*.cs", SearchOption.AllDirectories))
            .SelectMany(file => Instrument().Matches(File.ReadAllText(file)))
            .Select(match => Prometheus(match.Groups["kind"].Value, match.Groups["name"].Value, match.Groups["unit"].Value)),
    ];

    private static string Prometheus(string kind, string name, string unit)
    {
        var plain = name.Replace('.', '_');
        var suffix = unit switch { "s" => "_seconds", "By" => "_bytes", _ => "" };
        var counts = kind.Contains("Counter", StringComparison.Ordinal) && !kind.Contains("UpDown", StringComparison.Ordinal);
        return (plain.EndsWith(suffix, StringComparison.Ordinal) ? plain : plain + suffix) + (counts ? "_total" : "");
    }

    [GeneratedRegex("""Create(?<kind>\w+)(<\w+>)?\(\s*"(?<name>[a-z_.]+)",\s*(unit: )?"(?<unit>[^"]*)"|Create(?<kind>Observable\w+)(<\w+>)?\(\s*"(?<name>[a-z_.]+)",[^"]*"(?<unit>[^"]*)(?=")""")]
    private static partial Regex Instrument();
}
