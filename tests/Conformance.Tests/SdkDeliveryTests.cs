using System.Text;
using System.Text.Json;
using Dapr;
using Dapr.Client;
using Microsoft.AspNetCore.Http;
using TestSupport;

namespace Conformance.Tests;

/// <summary>What the SDK publishes, and what the app gets of it: every request of the golden file, header for header.</summary>
public sealed class SdkDeliveryTests
{
    private const string PubSub = """
        apiVersion: dapr.io/v1alpha1
        kind: Component
        metadata: {name: pubsub}
        spec: {type: pubsub.in-memory, version: v1, metadata: []}
        """;

    private const string Subscriptions = """
        [{"pubsubName":"pubsub","topic":"t-ok","route":"t/ok"},
         {"pubsubName":"pubsub","topic":"t-drop","route":"t/drop","deadLetterTopic":"t-dead"},
         {"pubsubName":"pubsub","topic":"t-dead","route":"t/dead"},
         {"pubsubName":"pubsub","topic":"t-500","route":"t/f500"},
         {"pubsubName":"pubsub","topic":"t-404","route":"t/f404","deadLetterTopic":"t-dead"},
         {"pubsubName":"pubsub","topic":"t-retry","route":"t/retry"},
         {"pubsubName":"pubsub","topic":"t-weird","route":"t/weird"},
         {"pubsubName":"pubsub","topic":"t-always500","route":"t/always500","deadLetterTopic":"t-dead"},
         {"pubsubName":"pubsub","topic":"t-raw","route":"t/raw","metadata":{"rawPayload":"true"}},
         {"pubsubName":"pubsub","topic":"t-route","routes":{"rules":[{"match":"event.type == \"a\"","path":"t/route-a"}],"default":"t/route-other"}}]
        """;

    public static TheoryData<string> Sidecars => Setting.Sidecars;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory, MemberData(nameof(Sidecars))]
    public async Task Every_sort_of_publication_arrives_as_from_Dapr(string sidecar)
    {
        var golden = Golden.Read("sdk-deliveries-memory.json").EnumerateArray()
            .Where(g => !g.GetProperty("path").GetString()!.StartsWith("/actors/", StringComparison.Ordinal)).ToArray();
        await using var app = await RecordingApp.StartAsync(Subscriptions, null, AnswerAsync);
        await using var setting = await Setting.StartAsync(sidecar, "probe", app.Port, PubSub);
        using var client = new DaprClientBuilder().UseHttpEndpoint(setting.Http.ToString()).UseGrpcEndpoint(setting.Grpc.ToString()).Build();

        await PublishAsync(client);

        await Eventually.Holds(() => Assert.Equal(Counts(golden.Select(g => g.GetProperty("path").GetString()!)), Counts(app.Asked.Select(a => a.Path))));
        foreach (var path in golden.GroupBy(g => g.GetProperty("path").GetString()!))
        {
            var left = app.At(path.Key).ToList();
            foreach (var expected in path)
            {
                var differences = left.ConvertAll(a => Difference(expected, a));
                var found = differences.IndexOf(null);
                Assert.True(found >= 0, $"{path.Key}: none is {expected.GetRawText()}\n{string.Join('\n', differences)}");
                left.RemoveAt(found);
            }
        }
    }

    private static string Counts(IEnumerable<string> paths) => string.Join(' ', paths.GroupBy(p => p).Select(g => $"{g.Key}={g.Count()}").Order());

    private static Task AnswerAsync(Asked asked, HttpContext http)
    {
        http.Response.StatusCode = asked.Path switch { "/t/f500" or "/t/always500" => 500, "/t/f404" => 404, _ => 200 };
        return asked.Path switch
        {
            "/t/drop" => http.Response.WriteAsync("{\"status\":\"DROP\"}"),
            "/t/retry" => http.Response.WriteAsync("{\"status\":\"RETRY\"}"),
            "/t/weird" => http.Response.WriteAsync("{\"status\":\"WEIRD\"}"),
            _ => Task.CompletedTask,
        };
    }

    private static async Task PublishAsync(DaprClient client)
    {
        var data = new { amount = 5, id = "e1", text = "ä\u2028" };

        // The golden events were published within a trace.
        using var activity = new System.Diagnostics.Activity("test").Start();
        foreach (var topic in (string[])["t-ok", "t-drop", "t-500", "t-404", "t-retry", "t-weird", "t-always500", "t-raw"])
        {
            await client.PublishEventAsync("pubsub", topic, data, Token);
        }

        await client.PublishEventAsync("pubsub", "t-ok", new { id = "meta" }, new Dictionary<string, string>
        {
            ["cloudevent.id"] = "my-id",
            ["cloudevent.source"] = "my-source",
            ["cloudevent.subject"] = "my-subject",
            ["cloudevent.type"] = "my.type",
            ["custom"] = "c",
            ["partitionKey"] = "p1",
        }, Token);
        await client.PublishEventAsync(
            "pubsub", "t-ok", new CloudEvent<object>(new { id = "own-ce" }) { Source = new Uri("urn:own"), Type = "own.type", Subject = "own-subject" }, Token);
        await client.PublishByteEventAsync("pubsub", "t-ok", new byte[] { 1, 2, 3 }, "application/octet-stream", cancellationToken: Token);
        await client.PublishByteEventAsync("pubsub", "t-ok", Encoding.UTF8.GetBytes("plain text"), "text/plain", cancellationToken: Token);
        await client.PublishEventAsync("pubsub", "t-ok", Token);
        await client.PublishEventAsync("pubsub", "t-raw", new { id = "raw-published" }, new Dictionary<string, string> { ["rawPayload"] = "true" }, Token);
        foreach (var type in (string[])["a", "b"])
        {
            await client.PublishEventAsync("pubsub", "t-route", new { t = type }, new Dictionary<string, string> { ["cloudevent.type"] = type }, Token);
        }
    }

    private static string? Difference(JsonElement golden, Asked asked)
    {
        var body = golden.GetProperty("body");
        if (body.TryGetProperty("data_base64", out var wanted) && asked.Json.TryGetProperty("data_base64", out var given)
            && Inside(wanted) is { } enveloped && Inside(given) is { } own)
        {
            // An envelope within the envelope: what is random in it hides behind the base64.
            if (!JsonElement.DeepEquals(enveloped, own))
            {
                return $"the inner event is {own.GetRawText()}, not {enveloped.GetRawText()}";
            }

            asked = asked with { Body = asked.Body.Replace(given.GetString()!, wanted.GetString(), StringComparison.Ordinal) };
        }

        return Golden.Difference(golden.GetProperty("headers"), body, asked);
    }

    private static JsonElement? Inside(JsonElement base64)
    {
        var text = Encoding.UTF8.GetString(base64.GetBytesFromBase64());
        return text.StartsWith('{') ? JsonDocument.Parse(Golden.Normal(text)).RootElement : null;
    }
}
