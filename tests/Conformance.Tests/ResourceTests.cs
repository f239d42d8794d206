using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using TestSupport;

namespace Conformance.Tests;

/// <summary>What the documents of a resource folder decide: who shares keys, who sees a component, how long a state lasts, who gets a message.</summary>
public sealed class ResourceTests
{
    private static readonly (string Name, string Value) File = ("connectionString", "shared.db");

    public static TheoryData<string> Sidecars => Setting.Sidecars;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory, MemberData(nameof(Sidecars))]
    public async Task The_key_prefix_decides_which_components_share_their_keys(string sidecar)
    {
        string[][] shared = [["default-1", "default-2", "appid"], ["none-1", "none-2"], ["literal-1", "literal-2"], ["name-1"], ["name-2"]];
        await using var app = await RecordingApp.StartAsync("[]", null);
        await using var setting = await Setting.StartAsync(sidecar, "rec", app.Port, [.. shared.SelectMany(names => names).Select(Store)]);
        using var client = setting.Client();

        foreach (var names in shared)
        {
            await client.SaveStateAsync(names[0], "k", names[0], cancellationToken: Token);
        }

        foreach (var names in shared)
        {
            foreach (var name in names)
            {
                Assert.Equal((name, names[0]), (name, await client.GetStateAsync<string>(name, "k", cancellationToken: Token)));
            }
        }

        static string Store(string name) => RecordedApp.Component(name, "state.sqlite", name.Split('-')[0] switch
        {
            "default" => [File],
            "literal" => [File, ("keyPrefix", "any-text")],
            var prefix => [File, ("keyPrefix", prefix)],
        });
    }

    [Theory, MemberData(nameof(Sidecars))]
    public async Task A_component_that_is_scoped_to_other_apps_is_unknown(string sidecar)
    {
        await using var app = await RecordingApp.StartAsync("[]", null);
        await using var setting = await Setting.StartAsync(
            sidecar,
            "rec",
            app.Port,
            RecordedApp.Component("mine", "state.in-memory") + "\nscopes: [rec, other]",
            RecordedApp.Component("theirs", "state.in-memory") + "\nscopes: [other]",
            RecordedApp.Component("theirs-too", "pubsub.in-memory") + "\nscopes: [other]");
        using var http = new HttpClient { BaseAddress = setting.Http };

        Assert.Equal(HttpStatusCode.NoContent, (await Ask("/v1.0/state/mine/k")).Status);
        Assert.Equal(await Ask("/v1.0/state/nobodys/k", "nobodys"), await Ask("/v1.0/state/theirs/k", "theirs"));
        Assert.Equal(await Ask("/v1.0/publish/nobodys/t", "nobodys", "{}"), await Ask("/v1.0/publish/theirs-too/t", "theirs-too", "{}"));
        var metadata = await http.GetFromJsonAsync<JsonElement>("/v1.0/metadata", Token);
        Assert.Equal(["mine"], metadata.GetProperty("components").EnumerateArray().Select(component => component.GetProperty("name").GetString()));

        async Task<(HttpStatusCode Status, string Body)> Ask(string path, string name = "", string? publish = null)
        {
            using var answer = publish is null ? await http.GetAsync(path, Token) : await http.PostAsync(path, new StringContent(publish), Token);
            var body = await answer.Content.ReadAsStringAsync(Token);
            return (answer.StatusCode, name.Length == 0 ? body : body.Replace(name, "NAME", StringComparison.Ordinal));
        }
    }

    [Theory, MemberData(nameof(Sidecars))]
    public async Task A_state_with_a_time_to_live_is_there_until_then_and_says_when_and_a_write_without_makes_it_last(string sidecar)
    {
        await using var app = await RecordingApp.StartAsync("[]", null);
        await using var setting = await Setting.StartAsync(sidecar, "rec", app.Port, RecordedApp.Component("states", "state.sqlite", File));
        using var client = setting.Client();
        var before = DateTimeOffset.UtcNow;
        var soon = new Dictionary<string, string> { ["ttlInSeconds"] = "2" };

        await client.SaveStateAsync("states", "short", 1, metadata: soon, cancellationToken: Token);
        await client.SaveStateAsync("states", "made-to-last", 1, metadata: soon, cancellationToken: Token);
        await client.SaveStateAsync("states", "made-to-last", 2, cancellationToken: Token);

        var (expires, lasts) = (await Expiry("short"), await Expiry("made-to-last"));
        Assert.InRange(DateTimeOffset.Parse(expires!, System.Globalization.CultureInfo.InvariantCulture), before.AddSeconds(1), before.AddSeconds(10));
        Assert.Null(lasts);
        await Eventually.Holds(async () => Assert.Null((await client.GetStateEntryAsync<int?>("states", "short", cancellationToken: Token)).Value));
        Assert.Equal(2, await client.GetStateAsync<int>("states", "made-to-last", cancellationToken: Token));
        Assert.True(await client.TrySaveStateAsync("states", "made-to-last", 3, (await client.GetStateAndETagAsync<int>("states", "made-to-last", cancellationToken: Token)).etag, cancellationToken: Token));

        async Task<string?> Expiry(string key)
        {
            using var http = new HttpClient { BaseAddress = setting.Http };
            using var answer = await http.GetAsync($"/v1.0/state/states/{key}", Token);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            return answer.Headers.TryGetValues("metadata.ttlExpireTime", out var times) ? Assert.Single(times) : null;
        }
    }

    [Theory, MemberData(nameof(Sidecars))]
    public async Task A_declared_subscription_counts_like_one_of_the_app_and_one_that_is_scoped_to_other_apps_does_not(string sidecar)
    {
        await using var app = await RecordingApp.StartAsync("""[{"pubsubname":"pubsub","topic":"of-the-app","route":"/app"}]""", null);
        await using var setting = await Setting.StartAsync(
            sidecar,
            "rec",
            app.Port,
            RecordedApp.Component("pubsub", "pubsub.in-memory"),
            Subscription("declared", "{rules: [{match: 'event.type == \"special\"', path: /special}], default: /declared}", "rec"),
            Subscription("elsewhere", "{default: /elsewhere}", "other"));
        using var client = setting.Client();
        var special = new Dictionary<string, string> { ["cloudevent.type"] = "special" };

        await client.PublishEventAsync("pubsub", "elsewhere", 1, Token);
        await client.PublishEventAsync("pubsub", "of-the-app", 2, Token);
        await client.PublishEventAsync("pubsub", "declared", 3, Token);
        await client.PublishEventAsync("pubsub", "declared", 4, special, Token);

        await Eventually.Holds(() => Assert.Equal(["/app 2", "/declared 3", "/special 4"], app.Asked.Select(asked => $"{asked.Path} {asked.Json.GetProperty("data")}").Order()));

        static string Subscription(string topic, string routes, string scope) => $"""
            apiVersion: dapr.io/v2alpha1
            kind: Subscription
            metadata:
              name: {topic}
            spec:
              pubsubname: pubsub
              topic: {topic}
              routes: {routes}
            scopes: [{scope}]
            """;
    }
}
