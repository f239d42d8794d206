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

        if (Words.Read(command) is not { } words || IsSingleFile(words, app.Directory) || FindProject(words.Project, app.Directory, source) is not { } project)
        {
            return null;
        }

        var profile = words.UseProfile ? LaunchProfile.Read(project, words.Profile, source, findings) : null;
        return new DotnetRun(project, words.BuildArguments, words.AppArguments, words.Build, profile, words.Environment);
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

    private static bool IsSingleFile(Words words, string folder) =>
        words.Project is null && words.AppArguments.FirstOrDefault()?.EndsWith(".cs", StringComparison.Ordinal) == true && Projects(folder).Length == 0;

    private static string? FindProject(string? named, string folder, Section source)
    {
        var path = Path.GetFullPath(named ?? ".", folder);
        if (File.Exists(path))
        {
            return path;
        }

        if (!Directory.Exists(path))
        {
            source.Error("command", $"the project '{path}' does not exist", "Correct --project, which is relative to appDirPath.");
            return null;
        }

        if (Projects(path) is [var only])
        {
            return only;
        }

        source.Error("command", $"the folder '{path}' does not hold exactly one project", "Name the project: [\"dotnet\", \"run\", \"--project\", \"NAME.csproj\"].");
        return null;
    }

    private static string[] Projects(string folder) =>
        [.. Directory.EnumerateFiles(folder).Where(f => Path.GetExtension(f) is ".csproj" or ".fsproj" or ".vbproj")];

    /// <summary>What is said after <c>dotnet run</c>.</summary>
    private sealed class Words
    {
        private static readonly string[] BuildFlags =
            ["--no-restore", "--no-dependencies", "--force", "--self-contained", "--sc", "--no-self-contained", "--disable-build-servers", "--no-cache"];

        private static readonly string[] BuildOptions =
            ["-c", "--configuration", "-f", "--framework", "-r", "--runtime", "-a", "--arch", "--os", "--artifacts-path"];

        public string? Project { get; private set; }

        public string? Profile { get; private set; }

        public bool UseProfile { get; private set; } = true;

        public bool Build { get; private set; } = true;

        public List<string> BuildArguments { get; } = [];

        public List<string> AppArguments { get; } = [];

        public Dictionary<string, string> Environment { get; } = [];

        /// <summary>Null when it is about a single file, or a device.</summary>
        public static Words? Read(IReadOnlyList<string> command)
        {
            var words = new Words();
            for (var i = 2; i < command.Count; i++)
            {
                var (name, attached) = Split(command[i]);
                switch (name)
                {
                    case "--":
                        words.AppArguments.AddRange(command.Skip(i + 1));
                        return words;
                    case "--file" or "--device":
                        return null;
                    default:
                        words.Take(name, command[i], () => attached ?? (i + 1 < command.Count ? command[++i] : ""));
                        break;
                }
            }

            return words;
        }

        private void Take(string name, string word, Func<string> value)
        {
            switch (name)
            {
                case "--project":
                    Project = value();
                    break;
                case "--no-build":
                    Build = false;
                    break;
                case "--no-launch-profile":
                    UseProfile = false;
                    break;
                case "-lp" or "--launch-profile":
                    Profile = value();
                    break;
                case "-e" or "--environment":
                    var pair = value().Split('=', 2);
                    Environment[pair[0]] = pair.ElementAtOrDefault(1) ?? "";
                    break;
                case "-v" or "--verbosity":
                    value();
                    break;
                case "--interactive" or "--no-launch-profile-arguments":
                    break;
                case "-p" or "--property":
                    BuildArguments.Add("-p:" + value());
                    break;
                case var _ when BuildOptions.Contains(name):
                    BuildArguments.AddRange([name, value()]);
                    break;
                case var _ when BuildFlags.Contains(name):
                    BuildArguments.Add(name);
                    break;
                case var _ when name.StartsWith("-p:", StringComparison.Ordinal) || name.StartsWith("--property:", StringComparison.Ordinal):
                    BuildArguments.Add(word);
                    break;
                default:
                    AppArguments.Add(word);
                    break;
            }
        }

        private static (string Name, string? Value) Split(string argument)
        {
            var at = argument.IndexOf('=', StringComparison.Ordinal);
            return at > 0 && argument.StartsWith("--", StringComparison.Ordinal) && !argument.StartsWith("--property:", StringComparison.Ordinal)
                ? (argument[..at], argument[(at + 1)..])
                : (argument, null);
        }
    }
}
