using System.Text.Json;
using TestSupport;

namespace Conformance.Tests;

/// <summary>What the publish API answers, request by request, to an app that subscribes to nothing.</summary>
public sealed class DeliveryPublishTests
{
    private const string PubSub = """
        apiVersion: dapr.io/v1alpha1
        kind: Component
        metadata: {name: pubsub}
        spec: {type: pubsub.in-memory, version: v1, metadata: []}
        """;

    public static TheoryData<string> Sidecars => Setting.SidecarsAndGiven;

    [Theory, MemberData(nameof(Sidecars))]
    public async Task Every_request_is_answered_as_by_Dapr(string sidecar)
    {
        using var turn = await Setting.TurnAsync(sidecar);
        // A sidecar asks its first app what it wants, and a given one has met other tests: all play the same app.
        await using var app = await RecordedApp.StartAsync(Setting.AppPort(sidecar));
        await using var setting = await Setting.StartAsync(sidecar, "rec", app.Port, PubSub);
        using var http = new HttpClient();
        var steps = Golden.Read("http-memory.json").EnumerateArray()
            .Where(s => s.GetProperty("request").GetProperty("path").GetString()!.Contains("/publish/", StringComparison.Ordinal)).ToList();
        Assert.Equal(14, steps.Count);
        foreach (var (name, value) in setting.Headers)
        {
            http.DefaultRequestHeaders.Add(name, value);
        }

        foreach (var step in steps)
        {
            var what = step.GetProperty("what").GetString();
            using var request = step.GetProperty("request").ToRequest(setting.Http);
            using var response = await http.SendAsync(request, TestContext.Current.CancellationToken);
            var body = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);

            Assert.Equal((what, step.GetProperty("status").GetInt32()), (what, (int)response.StatusCode));
            Assert.Equal((what, step.GetProperty("headers").TryGetProperty("Content-Type", out var type) ? type.GetString() : null), (what, response.Content.Headers.ContentType?.ToString()));
            Assert.Equal((what, step.GetProperty("body").GetString()), (what, body));
        }
    }
}

/// <summary>The requests of golden files.</summary>
internal static class GoldenRequests
{
    public static HttpRequestMessage ToRequest(this JsonElement golden, Uri server)
    {
        var request = new HttpRequestMessage(
            new HttpMethod(golden.GetProperty("method").GetString()!), $"{server.GetLeftPart(UriPartial.Authority)}{golden.GetProperty("path").GetString()}");
        if (golden.GetProperty("body").GetString() is { } body)
        {
            request.Content = new ByteArrayContent(System.Text.Encoding.UTF8.GetBytes(body));
        }

        foreach (var header in golden.GetProperty("headers").EnumerateObject())
        {
            if (!request.Headers.TryAddWithoutValidation(header.Name, header.Value.GetString()))
            {
                request.Content!.Headers.TryAddWithoutValidation(header.Name, header.Value.GetString());
            }
        }

        return request;
    }
}
