using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Accounts.Contracts;
using EventLog;
using YamlDotNet.RepresentationModel;

namespace Repository.Tests;

/// <summary>What is written in more than one place is the same everywhere: ports, app ids, components, topics.</summary>
public partial class NameTests
{
    // Where a real Dapr has its placement and its scheduler.
    private static readonly string[] PortsOfDapr = ["50005", "50006"];
    private static readonly string[] PortKeys = ["appPort", "daprHTTPPort", "daprGRPCPort"];
    private static readonly List<YamlMappingNode> Apps = [.. ((YamlSequenceNode)Yaml("dapr.yaml").Single()["apps"]).Cast<YamlMappingNode>()];
    private static readonly Dictionary<string, string> AppPorts = Apps.ToDictionary(app => Text(app["appID"]), app => Text(app["appPort"]));

    public static TheoryData<string> ComponentFolders => [.. Tracked.Ending(".yaml")
        .Where(file => file.StartsWith("components/", StringComparison.Ordinal))
        .Select(file => Path.GetDirectoryName(file)!.Replace('\\', '/'))
        .Distinct()];

    [Fact]
    public void The_run_file_starts_just_the_services() =>
        Assert.Equal(Constants(typeof(AppIds)), AppPorts.Keys.Order(StringComparer.Ordinal));

    [Fact]
    public void No_two_ports_of_the_run_file_are_the_same()
    {
        var ports = Apps.SelectMany(app => PortKeys.Select(key => Text(app[key]))).ToList();

        Assert.Equal(9, ports.Distinct().Count());
    }

    [Fact]
    public void Services_listen_where_the_run_file_says()
    {
        foreach (var app in Apps)
        {
            Assert.Equal($"http://localhost:{Text(app["appPort"])}", Text(app["env"]["ASPNETCORE_URLS"]));
        }

        Assert.Equal($"http://localhost:{AppPorts[AppIds.Query]}", Text(Apps.Single(app => Text(app["appID"]) == AppIds.Command)["env"]["PublicAddress"]));
        Assert.Equal($"http://localhost:{AppPorts[AppIds.Command]}", Text(Apps.Single(app => Text(app["appID"]) == AppIds.Query)["env"]["CommandAddress"]));
    }

    [Fact]
    public void Ports_are_the_same_everywhere()
    {
        var files = Tracked.Ending(".md", ".http", "appsettings.json", "launchSettings.json", ".yaml").ToList();
        var strangers = files.SelectMany(file => LocalPort().Matches(Tracked.Text(file))
            .Select(found => found.Groups[1].Value)
            .Where(port => !AppPorts.ContainsValue(port) && !PortsOfDapr.Contains(port) && !Apps.Exists(app => Text(app["daprHTTPPort"]) == port))
            .Select(port => $"{file}: {port}"));

        Assert.Contains("README.md", files);
        Assert.Empty(strangers);
    }

    [Fact]
    public void The_README_shows_the_ports_of_the_run_file()
    {
        foreach (var app in Apps)
        {
            Assert.Matches($@"{Text(app["appID"])} .*{Text(app["appPort"])}.* {Text(app["daprHTTPPort"])} .*{Text(app["daprGRPCPort"])}", Tracked.Text("README.md"));
        }
    }

    [Theory]
    [InlineData("commands", AppIds.Command)]
    [InlineData("processor", AppIds.Processor)]
    [InlineData("queries", AppIds.Query)]
    public void Requests_go_to_the_service_that_they_name(string variable, string app)
    {
        var requests = Tracked.Text("requests/accounts.http");

        Assert.Contains($"@{variable} = http://localhost:{AppPorts[app]}\n", requests, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(ComponentFolders))]
    public void Every_folder_of_components_has_just_those_that_the_code_names(string folder)
    {
        var components = Documents(folder, "Component").ToList();

        Assert.Equal(Constants(typeof(Components)), components.Select(c => Text(c["metadata"]["name"])).Order(StringComparer.Ordinal));
        foreach (var component in components)
        {
            var name = Text(component["metadata"]["name"]);
            var scopes = ((YamlSequenceNode)component["scopes"]).Select(Text).ToList();
            Assert.Empty(scopes.Except(Constants(typeof(AppIds))));
            Assert.StartsWith(name is Components.EventLog or Components.Views ? "state." : "pubsub.", Text(component["spec"]["type"]), StringComparison.Ordinal);
            if (Text(component["spec"]["type"]).StartsWith("state.", StringComparison.Ordinal) && scopes.Count > 1)
            {
                // Else each app would see only what it has written itself.
                Assert.Contains((YamlSequenceNode)component["spec"]["metadata"], m => Text(m["name"]) == "keyPrefix");
            }
        }
    }

    [Theory]
    [MemberData(nameof(ComponentFolders))]
    public void Declared_subscriptions_name_known_topics(string folder)
    {
        foreach (var subscription in Documents(folder, "Subscription"))
        {
            Assert.Contains(Text(subscription["spec"]["topic"]), Constants(typeof(Topics)));
            Assert.Contains(Text(subscription["spec"]["pubsubname"]), Constants(typeof(Components)));
        }
    }

    [Fact]
    public void The_event_log_is_told_the_names_that_it_would_take_by_itself()
    {
        var defaults = new LogOptions();

        Assert.Equal((Components.EventLog, Components.Wakeups, Topics.AccountLog), (defaults.Store, defaults.PubSub, defaults.Topic));
    }

    [Fact]
    public void Services_name_apps_components_and_topics_only_by_their_constants()
    {
        string[] names = [.. Constants(typeof(AppIds)), .. Constants(typeof(Components)).Where(n => n.Contains('-', StringComparison.Ordinal)), .. Constants(typeof(Topics))];
        var repeats = Tracked.Ending(".cs")
            .Where(file => file.StartsWith("services/", StringComparison.Ordinal))
            .SelectMany(file => names.Where(name => Tracked.Text(file).Contains($"\"{name}\"", StringComparison.Ordinal)).Select(name => $"{file}: {name}"));

        Assert.Empty(repeats);
    }

    private static IEnumerable<YamlMappingNode> Documents(string folder, string kind) => Tracked.Ending(".yaml")
        .Where(file => Path.GetDirectoryName(file)!.Replace('\\', '/') == folder)
        .SelectMany(Yaml)
        .Where(document => Text(document["kind"]) == kind);

    private static IEnumerable<YamlMappingNode> Yaml(string file)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(Tracked.Text(file)));
        return stream.Documents.Select(document => (YamlMappingNode)document.RootNode);
    }

    private static IOrderedEnumerable<string> Constants(Type names) => names
        .GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => Convert.ToString(field.GetRawConstantValue(), CultureInfo.InvariantCulture)!)
        .Order(StringComparer.Ordinal);

    private static string Text(YamlNode node) => ((YamlScalarNode)node).Value!;

    [GeneratedRegex(@"localhost:(\d+)")]
    private static partial Regex LocalPort();
}
