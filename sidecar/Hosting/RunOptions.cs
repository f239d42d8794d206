using System.CommandLine;
using System.CommandLine.Help;
using System.Globalization;
using Sidecar.Faults;

namespace Sidecar.Hosting;

/// <summary>What the command line asks for.</summary>
internal sealed record RunOptions
{
    /// <summary>Absolute path of the run file.</summary>
    public required string RunFile { get; init; }

    /// <summary>Absolute path of the folder that keeps what survives restarts.</summary>
    public required string DataFolder { get; init; }

    /// <summary>Empty the data folder first.</summary>
    public bool Fresh { get; init; }

    /// <summary>Absolute path of the folder that takes the place of the file's resource paths.</summary>
    public string? Components { get; init; }

    /// <summary>App id to how many of it are wanted; one where it says nothing.</summary>
    public IReadOnlyDictionary<string, int> Replicas { get; init; } = new Dictionary<string, int>();

    /// <summary>The port at which faults are set; null: nowhere.</summary>
    public int? FaultsPort { get; init; }

    private static readonly Option<string> File = new("--file", "-f") { HelpName = "FILE", Description = "The run file, or its folder [default: dapr.yaml]" };
    private static readonly Option<string> Data = new("--data") { HelpName = "DIR", Description = "Where the data is kept between runs [default: .data next to the run file]" };
    private static readonly Option<bool> Empty = new("--fresh") { Description = "Start without data: first delete the files that earlier runs made in the data folder" };
    private static readonly Option<string> ComponentFolder = new("--components") { HelpName = "DIR", Description = "Read components from here and from nowhere else [default: components/local next to the run file if there is one, else the run file's resource paths]" };
    private static readonly Option<string[]> ReplicaCounts = new("--replicas") { HelpName = "APP=N", Description = "Start N of the app; may be given for several apps. The first has the file's ports, the others free ones", Arity = ArgumentArity.OneOrMore };
    private static readonly Option<string> Faults = new("--faults") { HelpName = "PORT", Description = $"Serve http://127.0.0.1:PORT/faults, where faults for tests are set [default port: {FaultsApi.DefaultPort}]", Arity = ArgumentArity.ZeroOrOne };

    /// <summary>
    /// Reads the command line. Help and complaints are written here; then there are no options and
    /// <paramref name="exitCode"/> is 0 or 2.
    /// </summary>
    public static RunOptions? Parse(string[] arguments, out int exitCode)
    {
        var root = new RootCommand("Starts the apps of a Dapr run file, each with an embedded sidecar that speaks Dapr's wire protocol. For development and tests.")
        {
            File, Data, Empty, ComponentFolder, ReplicaCounts, Faults,
        };
        foreach (var version in root.Options.OfType<VersionOption>().ToList())
        {
            root.Options.Remove(version);
        }

        var parsed = root.Parse(arguments);
        exitCode = 2;
        if (parsed.Errors.Count > 0)
        {
            return Complain(parsed.Errors.Select(e => $"command line: {e.Message.TrimEnd('.')}. --help lists the flags."));
        }

        if (parsed.Action is HelpAction help)
        {
            exitCode = help.Invoke(parsed);
            return null;
        }

        var wrong = new List<string>();
        var replicas = ReadReplicas(parsed.GetValue(ReplicaCounts) ?? [], wrong);
        int? port = parsed.GetResult(Faults) is null ? null : ReadPort(parsed.GetValue(Faults), wrong);
        if (wrong.Count > 0)
        {
            return Complain(wrong);
        }

        var path = Path.GetFullPath(parsed.GetValue(File) ?? "dapr.yaml");
        path = Directory.Exists(path) ? Path.Combine(path, "dapr.yaml") : path;
        return new RunOptions
        {
            RunFile = path,
            DataFolder = Path.GetFullPath(parsed.GetValue(Data) ?? Path.Combine(Path.GetDirectoryName(path)!, ".data")),
            Fresh = parsed.GetValue(Empty),
            Components = parsed.GetValue(ComponentFolder) is { } folder ? Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)) : null,
            Replicas = replicas,
            FaultsPort = port,
        };
    }

    private static Dictionary<string, int> ReadReplicas(string[] texts, List<string> wrong)
    {
        var counts = new Dictionary<string, int>();
        foreach (var text in texts)
        {
            var at = text.LastIndexOf('=');
            if (at > 0 && int.TryParse(text[(at + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count is >= 1 and <= 99)
            {
                counts[text[..at]] = count;
            }
            else
            {
                wrong.Add($"command line: --replicas: '{text}' is not APP=N. Write for instance --replicas accounts-command=2.");
            }
        }

        return counts;
    }

    private static int ReadPort(string? text, List<string> wrong)
    {
        if (text is not null && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is >= 1 and <= 65535)
        {
            return port;
        }

        if (text is not null)
        {
            wrong.Add($"command line: --faults: '{text}' is no port. Write for instance --faults {FaultsApi.DefaultPort}.");
        }

        return FaultsApi.DefaultPort;
    }

    private static RunOptions? Complain(IEnumerable<string> lines)
    {
        foreach (var line in lines)
        {
            Console.Error.WriteLine(line);
        }

        return null;
    }
}
