using Accounts.Contracts;
using YamlDotNet.RepresentationModel;
using static Repository.Tests.Yaml;

namespace Repository.Tests;

/// <summary>Every set of components can take the place of every other, and the configurations are those of the run file.</summary>
public sealed class ComponentTests
{
    private const string Folder = "components/";

    private static readonly Dictionary<string, string[]> Scopes = new()
    {
        [Components.EventLog] = [AppIds.Command, AppIds.Processor],
        [Components.Views] = [AppIds.Processor, AppIds.Query],
        [Components.Wakeups] = [AppIds.Command, AppIds.Processor],
        [Components.Events] = [AppIds.Processor],
    };

    public static TheoryData<string> Folders => [.. Tracked.Ending(".yaml")
        .Where(file => file.StartsWith(Folder, StringComparison.Ordinal))
        .Select(file => Path.GetDirectoryName(file)!.Replace('\\', '/'))
        .Distinct()];

    [Theory]
    [MemberData(nameof(Folders))]
    public void A_folder_has_just_the_components_that_the_code_names_for_just_the_apps_that_use_them(string folder)
    {
        var components = Documents(folder, "Component").Where(c => !Type(c).StartsWith("secretstores.", StringComparison.Ordinal)).ToList();

        Assert.Equal(Constants(typeof(Components)), components.Select(Name).Order(StringComparer.Ordinal));
        Assert.All(components, c => Assert.StartsWith(Name(c) is Components.EventLog or Components.Views ? "state." : "pubsub.", Type(c), StringComparison.Ordinal));
        Assert.All(components, c => Assert.Equal(Scopes[Name(c)], Texts(c["scopes"])));
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void State_is_kept_under_the_same_keys_in_every_set_and_one_store_lets_Dapr_host_actors(string folder)
    {
        var stores = Documents(folder, "Component").Where(c => Type(c).StartsWith("state.", StringComparison.Ordinal)).ToList();

        // Else each app would see only what it has written itself, and two stores in one database would meet.
        Assert.All(stores, s => Assert.Equal("name", Value(s, "keyPrefix")));
        Assert.Equal([Components.EventLog], stores.Where(s => Value(s, "actorStateStore") == "true").Select(Name));
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void Secrets_are_only_referred_to_and_their_store_is_there_for_every_app_that_needs_it(string folder)
    {
        var components = Documents(folder, "Component").ToList();
        foreach (var component in components.Where(c => Metadata(c).Any(m => m.Children.ContainsKey("secretKeyRef"))))
        {
            var store = components.Single(c => Name(c) == Text(component["auth"]["secretStore"]));
            Assert.Empty(Texts(component["scopes"]).Except(Texts(store["scopes"])));
        }

        string[] secret = ["password", "masterkey", "secretkey", "token", "connectionstring"];
        var literal = components.SelectMany(c => Metadata(c)
            .Where(m => m.Children.ContainsKey("value") && Type(c) != "state.sqlite" && secret.Any(s => Text(m["name"]).Contains(s, StringComparison.OrdinalIgnoreCase)))
            .Select(m => $"{Name(c)}: {Text(m["name"])}"));
        Assert.Empty(literal);
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void What_fails_is_tried_again_with_an_end(string folder)
    {
        var resiliency = Assert.Single(Documents(folder, "Resiliency"));
        var target = Text(resiliency["spec"]["targets"]["components"][Components.Events]["inbound"]["retry"]);

        Assert.InRange(int.Parse(Text(resiliency["spec"]["policies"]["retries"][target]["maxRetries"]), System.Globalization.CultureInfo.InvariantCulture), 1, 10);
        Assert.Equal([AppIds.Processor], Texts(resiliency["scopes"]));
        Assert.Empty(Documents(folder, "Subscription"));
    }

    [Fact]
    public void The_document_speaks_of_every_set_and_of_no_other()
    {
        var rows = Tracked.Lines("docs/components.md").Where(line => line.StartsWith("| `components/", StringComparison.Ordinal)).Select(line => line.Split('`')[1]);

        Assert.Equal(Folders.Select(row => row.Data).Order(StringComparer.Ordinal), rows.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_app_has_a_configuration_of_its_own_that_closes_both_protocols_and_the_run_file_names_it()
    {
        var apps = ((YamlSequenceNode)Documents("dapr.yaml").Single()["apps"]).ToDictionary(app => Text(app["appID"]), app => Text(app["configFilePath"]));

        Assert.Equal(Constants(typeof(AppIds)), apps.Keys.Order(StringComparer.Ordinal));
        foreach (var (app, path) in apps)
        {
            Assert.Equal($"../../configuration/{app}.yaml", path);
            var configuration = Documents($"configuration/{app}.yaml").Single();
            Assert.Equal(("Configuration", app), (Text(configuration["kind"]), Name(configuration)));
            Assert.Equal(["grpc", "http"], ((YamlSequenceNode)configuration["spec"]["api"]["allowed"]).Select(rule => Text(rule["protocol"])).Distinct().Order(StringComparer.Ordinal));
            Assert.DoesNotContain('$', Tracked.Text($"configuration/{app}.yaml"));
        }
    }

    private static string Name(YamlMappingNode document) => Text(document["metadata"]["name"]);

    private static string Type(YamlMappingNode component) => Text(component["spec"]["type"]);

    private static IEnumerable<YamlMappingNode> Metadata(YamlMappingNode component) =>
        ((YamlMappingNode)component["spec"]).Children.TryGetValue("metadata", out var entries) ? ((YamlSequenceNode)entries).Cast<YamlMappingNode>() : [];

    private static string? Value(YamlMappingNode component, string entry) =>
        Metadata(component).Where(m => Text(m["name"]) == entry).Select(m => Text(m["value"])).SingleOrDefault();
}
