using Sidecar.Configuration;

namespace Sidecar.Hosting;

/// <summary>
/// A command <c>dotnet run …</c>. It is not started as it stands, because it puts a second process between the host and
/// the app: the project is built first and its assembly started.
/// </summary>
internal sealed record DotnetRun(
    string Project,
    IReadOnlyList<string> BuildArguments,
    IReadOnlyList<string> AppArguments,
    bool Build,
    LaunchProfile? Profile,
    IReadOnlyDictionary<string, string> Environment)
{
    private static readonly string[] BuildFlags =
        ["--no-restore", "--no-dependencies", "--force", "--self-contained", "--sc", "--no-self-contained", "--disable-build-servers", "--no-cache"];

    private static readonly string[] BuildOptions =
        ["-c", "--configuration", "-f", "--framework", "-r", "--runtime", "-a", "--arch", "--os", "--artifacts-path"];

    /// <summary>
    /// Understands the command as <c>dotnet run</c> does. Null when it is another command, or one of the rare forms that
    /// are better left to <c>dotnet run</c> itself (a single file instead of a project). A project that cannot be found
    /// is among the findings.
    /// </summary>
    public static DotnetRun? Recognise(AppSpec app, Section source, Findings findings)
    {
        var command = app.Command;
        if (command.Count < 2 || command[1] != "run" || Path.GetFileNameWithoutExtension(command[0]) != "dotnet")
        {
            return null;
        }

        string? project = null, profile = null;
        var useProfile = true;
        var build = true;
        var buildArguments = new List<string>();
        var appArguments = new List<string>();
        var environment = new Dictionary<string, string>();
        for (var i = 2; i < command.Count; i++)
        {
            var (name, attached) = Split(command[i]);
            string Value() => attached ?? (i + 1 < command.Count ? command[++i] : "");
            switch (name)
            {
                case "--":
                    appArguments.AddRange(command.Skip(i + 1));
                    i = command.Count;
                    break;
                case "--file" or "--device":
                    return null;
                case "--project":
                    project = Value();
                    break;
                case "--no-build":
                    build = false;
                    break;
                case "--no-launch-profile":
                    useProfile = false;
                    break;
                case "-lp" or "--launch-profile":
                    profile = Value();
                    break;
                case "-e" or "--environment":
                    var pair = Value().Split('=', 2);
                    environment[pair[0]] = pair.ElementAtOrDefault(1) ?? "";
                    break;
                case "-v" or "--verbosity":
                    Value();
                    break;
                case "--interactive" or "--no-launch-profile-arguments":
                    break;
                case "-p" or "--property":
                    buildArguments.Add("-p:" + Value());
                    break;
                case var _ when BuildOptions.Contains(name):
                    buildArguments.AddRange([name, Value()]);
                    break;
                case var _ when BuildFlags.Contains(name):
                    buildArguments.Add(name);
                    break;
                case var _ when name.StartsWith("-p:", StringComparison.Ordinal) || name.StartsWith("--property:", StringComparison.Ordinal):
                    buildArguments.Add(command[i]);
                    break;
                default:
                    appArguments.Add(command[i]);
                    break;
            }
        }

        if (project is null && appArguments.FirstOrDefault()?.EndsWith(".cs", StringComparison.Ordinal) == true && Projects(app.Directory).Length == 0)
        {
            return null;
        }

        var path = Path.GetFullPath(project ?? ".", app.Directory);
        if (Directory.Exists(path))
        {
            if (Projects(path) is not [var only])
            {
                source.Error("command", $"the folder '{path}' does not hold exactly one project", "Name the project: [\"dotnet\", \"run\", \"--project\", \"NAME.csproj\"].");
                return null;
            }

            path = only;
        }
        else if (!File.Exists(path))
        {
            source.Error("command", $"the project '{path}' does not exist", "Correct --project, which is relative to appDirPath.");
            return null;
        }

        return new DotnetRun(path, buildArguments, appArguments, build, useProfile ? LaunchProfile.Read(path, profile, source, findings) : null, environment);
    }

    /// <summary>The app's arguments; those of the launch profile count only when the command has none.</summary>
    public IReadOnlyList<string> Arguments =>
        AppArguments.Count > 0 || string.IsNullOrWhiteSpace(Profile?.Arguments)
            ? AppArguments
            : [.. System.CommandLine.Parsing.CommandLineParser.SplitCommandLine(Profile.Arguments)];

    /// <summary>What <c>dotnet run</c> would set, over everything else.</summary>
    public IReadOnlyDictionary<string, string> AllEnvironment
    {
        get
        {
            var all = new Dictionary<string, string>(Profile?.Environment ?? new Dictionary<string, string>());
            foreach (var (name, value) in Environment)
            {
                all[name] = value;
            }

            return all;
        }
    }

    private static (string Name, string? Value) Split(string argument)
    {
        var at = argument.IndexOf('=', StringComparison.Ordinal);
        return at > 0 && argument.StartsWith("--", StringComparison.Ordinal) && !argument.StartsWith("--property:", StringComparison.Ordinal)
            ? (argument[..at], argument[(at + 1)..])
            : (argument, null);
    }

    private static string[] Projects(string folder) =>
        [.. Directory.EnumerateFiles(folder).Where(f => Path.GetExtension(f) is ".csproj" or ".fsproj" or ".vbproj")];
}
