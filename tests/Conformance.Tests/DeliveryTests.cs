using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using TestSupport;

namespace Conformance.Tests;

/// <summary>How often, when and in which form messages are delivered, path by path as the golden files have it.</summary>
public sealed class DeliveryTests
{
    internal const string PubSub = """
        apiVersion: dapr.io/v1alpha1
        kind: Component
        metadata: {name: pubsub}
        spec: {type: pubsub.in-memory, version: v1, metadata: []}
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

    internal static Task<RecordingApp> StartAppAsync(TimeSpan slow)
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

    internal static async Task PublishAsync(Setting setting, string data)
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
}
