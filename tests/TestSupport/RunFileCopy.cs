using System.Globalization;
using System.Text.RegularExpressions;
using YamlDotNet.RepresentationModel;

namespace TestSupport;

/// <summary>
/// A copy of the repository's <c>dapr.yaml</c> for a test: free ports, absolute paths, and built assemblies in the place of
/// <c>dotnet run</c>, so that nothing is built while testing.
/// </summary>
public static partial class RunFileCopy
{
    private static readonly string[] PortKeys = ["appPort", "daprHTTPPort", "daprGRPCPort", "daprInternalGRPCPort", "metricsPort"];

    /// <summary>Writes the copy into the folder and returns its path.</summary>
    /// <param name="folder">Where to; nothing else of the repository is copied.</param>
    /// <param name="environment">Entries for <c>env</c> of every app.</param>
    /// <param name="only">The app ids to keep; all when null.</param>
    /// <param name="components">
    /// Folder of the repository's <c>components</c>; the embedded sidecar would find <c>local</c> by itself only next to the file.
    /// </param>
    /// <param name="startedElsewhere">The apps lose their commands: the host gives them sidecars and leaves starting them to others.</param>
    public static string Write(string folder, IReadOnlyDictionary<string, string>? environment = null, IReadOnlyCollection<string>? only = null, bool startedElsewhere = false, string components = "local")
    {
        var stream = new YamlStream();
        using (var reader = new StreamReader(Path.Combine(Repository.Root, "dapr.yaml")))
        {
            stream.Load(reader);
        }

        var root = (YamlMappingNode)stream.Documents[0].RootNode;
        var apps = (YamlSequenceNode)root.Children["apps"];
        foreach (var left in apps.Where(a => only?.Contains(Text(a, "appID")) == false).ToList())
        {
            apps.Children.Remove(left);
        }

        ((YamlMappingNode)root.Children["common"]).Children["resourcesPaths"] = new YamlSequenceNode(Path.Combine(Repository.Root, "components", components));

        foreach (var app in apps.Cast<YamlMappingNode>())
        {
            var directory = Path.GetFullPath(Text(app, "appDirPath"), Repository.Root);
            app.Children["appDirPath"] = directory;
            MakePathsAbsolute(app, directory);
            UseAssembly(app, directory);
            foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            {
                Environment(app).Children[name] = new YamlScalarNode(value) { Style = YamlDotNet.Core.ScalarStyle.DoubleQuoted };
            }
        }

        if (startedElsewhere)
        {
            apps.Cast<YamlMappingNode>().ToList().ForEach(app => app.Children.Remove("command"));
        }

        UseFreePorts([.. apps.Cast<YamlMappingNode>()]);
        var path = Path.Combine(folder, "dapr.yaml");
        using var writer = new StreamWriter(path);
        stream.Save(writer, assignAnchors: false);
        return path;
    }

    private static void UseFreePorts(List<YamlMappingNode> apps)
    {
        var ports = new Dictionary<string, string>();
        foreach (var app in apps)
        {
            foreach (var key in PortKeys.Where(k => app.Children.ContainsKey(k)))
            {
                var port = FreePorts.Next().ToString(CultureInfo.InvariantCulture);
                ports[Text(app, key)] = port;
                app.Children[key] = port;
            }
        }

        // Addresses of the app itself, and of others.
        foreach (var environment in apps.Select(Environment))
        {
            foreach (var (name, value) in environment.Children.ToList())
            {
                environment.Children[name] = PortInAddress().Replace(
                    ((YamlScalarNode)value).Value!,
                    found => ports.TryGetValue(found.Groups[1].Value, out var port) ? ":" + port : found.Value);
            }
        }
    }

    private static void UseAssembly(YamlMappingNode app, string directory)
    {
        var command = ((YamlSequenceNode)app.Children["command"]).Select(n => ((YamlScalarNode)n).Value!).ToList();
        if (command is not ["dotnet", "run", ..])
        {
            return;
        }

        var project = Path.GetFileNameWithoutExtension(Directory.EnumerateFiles(directory, "*.csproj").Single());
        var arguments = command.Contains("--") ? command[(command.IndexOf("--") + 1)..] : [];
        app.Children["command"] = new YamlSequenceNode(new[] { "dotnet", Repository.Assembly(project) }.Concat(arguments).Select(a => new YamlScalarNode(a)));
    }

    private static void MakePathsAbsolute(YamlMappingNode section, string relativeTo)
    {
        if (section.Children.ContainsKey("configFilePath"))
        {
            section.Children["configFilePath"] = Path.GetFullPath(Text(section, "configFilePath"), relativeTo);
        }
    }

    private static YamlMappingNode Environment(YamlMappingNode app)
    {
        if (!app.Children.TryGetValue("env", out var environment))
        {
            app.Children["env"] = environment = new YamlMappingNode();
        }

        return (YamlMappingNode)environment;
    }

    private static string Text(YamlNode mapping, string key) => ((YamlScalarNode)mapping[key]).Value!;

    [GeneratedRegex(@":(\d{2,5})(?!\d)")]
    private static partial Regex PortInAddress();
}
