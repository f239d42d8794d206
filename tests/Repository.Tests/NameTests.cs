using System.Text.RegularExpressions;
using Accounts.Contracts;
using EventLog;
using YamlDotNet.RepresentationModel;
using static Repository.Tests.Yaml;

namespace Repository.Tests;

/// <summary>What is written in more than one place is the same everywhere: ports, app ids, components, topics.</summary>
public partial class NameTests
{
    // Where a real Dapr has its placement and its scheduler, and where databases, brokers and collectors are wont to be.
    private static readonly string[] PortsOfOthers = ["50005", "50006", "3510", "4317", "6379", "3306", "5432", "5672", "9092", "4222", "1433", "27017"];
    private static readonly string[] PortKeys = ["appPort", "daprHTTPPort", "daprGRPCPort", "daprInternalGRPCPort", "metricsPort"];
    private static readonly List<YamlMappingNode> Apps = [.. ((YamlSequenceNode)Documents("dapr.yaml").Single()["apps"]).Cast<YamlMappingNode>()];
    private static readonly Dictionary<string, string> AppPorts = Apps.ToDictionary(app => Text(app["appID"]), app => Text(app["appPort"]));

    [Fact]
    public void The_run_file_starts_just_the_services() =>
        Assert.Equal(Constants(typeof(AppIds)), AppPorts.Keys.Order(StringComparer.Ordinal));

    [Fact]
    public void No_two_ports_of_the_run_file_are_the_same()
    {
        var ports = Apps.SelectMany(app => PortKeys.Select(key => Text(app[key]))).ToList();

        Assert.Equal(15, ports.Distinct().Count());
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
            .Where(port => !AppPorts.ContainsValue(port) && !PortsOfOthers.Contains(port) && !Apps.Exists(app => Text(app["daprHTTPPort"]) == port))
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

    [GeneratedRegex(@"localhost:(\d+)")]
    private static partial Regex LocalPort();
}
