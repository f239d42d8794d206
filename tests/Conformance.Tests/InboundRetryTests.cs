using System.Text.Json;
using TestSupport;

namespace Conformance.Tests;

/// <summary>What an inbound retry policy changes of <see cref="DeliveryTests"/>; in a class of its own, to run beside it.</summary>
public sealed class InboundRetryTests
{
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

    public static TheoryData<string> Sidecars => Setting.Sidecars;

    [Theory, MemberData(nameof(Sidecars))]
    public async Task An_unlimited_inbound_retry_repeats_at_its_pace_and_never_makes_a_dead_letter(string sidecar)
    {
        var golden = Golden.Read("delivery-redis-with-inbound-retry.json").EnumerateArray().ToDictionary(g => g.GetProperty("path").GetString()!);
        await using var app = await DeliveryTests.StartAppAsync(slow: TimeSpan.FromSeconds(7));
        await using var setting = await Setting.StartAsync(sidecar, "rec", app.Port, DeliveryTests.PubSub, InboundRetry);

        await DeliveryTests.PublishAsync(setting, golden["/ok"].GetProperty("firstBody").GetProperty("data").GetRawText());

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
