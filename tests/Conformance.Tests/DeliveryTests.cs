using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using TestSupport;

namespace Conformance.Tests;

/// <summary>How often, when and in which form messages are delivered, path by path as the golden files have it.</summary>
public sealed class DeliveryTests
{
    private const string PubSub = """
        apiVersion: dapr.io/v1alpha1
        kind: Component
        metadata: {name: pubsub}
        spec: {type: pubsub.in-memory, version: v1, metadata: []}
        """;

    private const string InboundRetry = """
        apiVersion: dapr.io/v1alpha1
        kind: Resiliency
        metadata: {name: inbound}
        spec:
          policies:
            timeouts: {limit: 5s}
            retries:
              again: {policy: constant, duration: 500ms, maxRetries: -1}
          targets:
            components:
              pubsub:
                inbound: {timeout: limit, retry: again}
        """;

    private const string Subscriptions = """
        [{"pubsubname":"pubsub","topic":"q-ok","route":"/ok"},
         {"pubsubname":"pubsub","topic":"q-retry","route":"/retry"},
         {"pubsubname":"pubsub","topic":"q-500","route":"/f500"},
         {"pubsubname":"pubsub","topic":"q-dl","route":"/dl","deadLetterTopic":"q-dead"},
         {"pubsubname":"pubsub","topic":"q-dead","route":"/dead"},
         {"pubsubname":"pubsub","topic":"q-slow","route":"/slow"},
         {"pubsubname":"pubsub","topic":"q-bulk","route":"/bulk","bulkSubscribe":{"enabled":true,"maxMessagesCount":20,"maxAwaitDurationMs":200}}]
        """;

    public static TheoryData<string> Sidecars => Setting.Sidecars;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory, MemberData(nameof(Sidecars))]
    public async Task Without_a_policy_a_failed_message_is_gone_or_a_dead_letter(string sidecar)
    {
        var golden = Golden.Read("delivery-memory.json").EnumerateArray().ToDictionary(g => g.GetProperty("path").GetString()!);
        await using var app = await StartAppAsync(slow: TimeSpan.FromSeconds(1));
        await using var setting = await Setting.StartAsync(sidecar, "rec", app.Port, PubSub);

        await PublishAsync(setting, golden["/ok"].GetProperty("firstBody").GetProperty("data").GetRawText());

        await Eventually.Holds(() => Assert.Equal(30, app.At("/bulk").Count), TimeSpan.FromSeconds(30));
        foreach (var (path, expected) in golden)
        {
            var asked = app.At(path);
            Assert.Equal(expected.GetProperty("deliveries").GetInt32(), asked.Count);
            if (path != "/bulk")
            {
                Assert.Null(Golden.Difference(expected.GetProperty("firstHeaders"), expected.GetProperty("firstBody"), asked[0]));
            }
        }

        AssertBulk(golden["/bulk"], app.At("/bulk"));
    }

    [Theory, MemberData(nameof(Sidecars))]
    public async Task An_unlimited_inbound_retry_repeats_at_its_pace_and_never_makes_a_dead_letter(string sidecar)
    {
        var golden = Golden.Read("delivery-redis-with-inbound-retry.json").EnumerateArray().ToDictionary(g => g.GetProperty("path").GetString()!);
        await using var app = await StartAppAsync(slow: TimeSpan.FromSeconds(7));
        await using var setting = await Setting.StartAsync(sidecar, "rec", app.Port, PubSub, InboundRetry);

        await PublishAsync(setting, golden["/ok"].GetProperty("firstBody").GetProperty("data").GetRawText());

        // A handler slower than the policy's time-out is called again half a second after it.
        await Eventually.Holds(() => Assert.Equal(2, app.At("/slow").Count), TimeSpan.FromSeconds(30));
        foreach (var path in (string[])["/ok", "/retry", "/f500"])
        {
            var asked = app.At(path);
            Assert.Equal(golden[path].GetProperty("deliveries").GetInt32(), asked.Count);
            AssertPace(golden[path], asked);
            Assert.Null(Golden.Difference(golden[path].GetProperty("firstHeaders"), golden[path].GetProperty("firstBody"), asked[0]));
        }

        AssertPace(golden["/slow"], [.. app.At("/slow").Take(2)]);
        AssertPace(golden["/dl"], [.. app.At("/dl").Take(5)]);
        Assert.Empty(app.At("/dead"));
    }

    private static Task<RecordingApp> StartAppAsync(TimeSpan slow)
    {
        var failures = new Dictionary<string, int> { ["/retry"] = 2, ["/f500"] = 2, ["/dl"] = int.MaxValue };
        return RecordingApp.StartAsync(Subscriptions, null, async (asked, http) =>
        {
            var fails = failures.TryGetValue(asked.Path, out var left) && left > 0;
            failures[asked.Path] = left - 1;
            http.Response.StatusCode = fails && asked.Path != "/retry" ? 500 : 200;
            if (asked.Path == "/slow")
            {
                await Task.Delay(slow, CancellationToken.None);
            }
            else if (asked.Path == "/bulk")
            {
                var ids = asked.Json.GetProperty("entries").EnumerateArray().Select(e => e.GetProperty("entryId").GetString());
                await http.Response.WriteAsync(
                    $$"""{"statuses":[{{string.Join(',', ids.Select(id => $$"""{"entryId":"{{id}}","status":"SUCCESS"}"""))}}]}""");
            }
            else if (fails && asked.Path == "/retry")
            {
                await http.Response.WriteAsync("""{"status":"RETRY"}""");
            }
        });
    }

    private static async Task PublishAsync(Setting setting, string data)
    {
        using var http = new HttpClient { BaseAddress = setting.Http };
        foreach (var topic in (string[])["q-ok", "q-retry", "q-500", "q-dl", "q-slow"])
        {
            using var one = new StringContent(data, Encoding.UTF8, "application/json");
            one.Headers.ContentType!.CharSet = null;
            (await http.PostAsync($"/v1.0/publish/pubsub/{topic}", one, Token)).EnsureSuccessStatusCode();
        }

        var entries = Enumerable.Range(0, 30).Select(i => string.Create(
            CultureInfo.InvariantCulture, $$"""{"entryId":"{{i}}","event":{"i":{{i}}},"contentType":"application/json"}"""));
        using var many = new StringContent($"[{string.Join(',', entries)}]", Encoding.UTF8, "application/json");
        (await http.PostAsync("/v1.0-alpha1/publish/bulk/pubsub/q-bulk", many, Token)).EnsureSuccessStatusCode();
    }

    private static void AssertBulk(JsonElement golden, IReadOnlyList<Asked> asked)
    {
        var entries = asked.Select(a => a.Json.GetProperty("entries")).ToArray();
        Assert.All(entries, e => Assert.Equal(1, e.GetArrayLength()));
        var order = entries.Select(e => e[0].GetProperty("event").GetProperty("data").GetProperty("i").GetInt32()).ToArray();
        Assert.Equal(Enumerable.Range(0, 30), order.Order());
        Assert.NotEqual(Enumerable.Range(0, 30), order);
        Assert.All(asked.Zip(asked.Skip(1)), p => Assert.InRange((p.Second.At - p.First.At).TotalSeconds, 0.18, 1));

        // The golden file shows whichever came first there.
        var first = golden.GetProperty("firstBody").GetRawText().Replace("\"i\": 4", $"\"i\": {order[0]}", StringComparison.Ordinal);
        Assert.Null(Golden.Difference(golden.GetProperty("firstHeaders"), JsonDocument.Parse(first).RootElement, asked[0]));
    }

    private static void AssertPace(JsonElement golden, IReadOnlyList<Asked> asked)
    {
        var expected = golden.GetProperty("secondsAfterFirst").EnumerateArray().Select(s => s.GetDouble()).Take(asked.Count).ToArray();
        Assert.Equal(expected.Length, asked.Count);
        for (var i = 1; i < asked.Count; i++)
        {
            Assert.InRange((asked[i].At - asked[i - 1].At).TotalSeconds, expected[i] - expected[i - 1] - 0.1, expected[i] - expected[i - 1] + 0.6);
        }
    }
}
