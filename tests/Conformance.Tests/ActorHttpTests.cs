using System.Text.Json;
using Microsoft.AspNetCore.Http;
using TestSupport;

namespace Conformance.Tests;

/// <summary>
/// The actor API, request by request, and everything that the app behind it was asked: in which order, how far apart, with
/// which headers and bodies.
/// </summary>
public sealed class ActorHttpTests
{
    private const string Store = """
        apiVersion: dapr.io/v1alpha1
        kind: Component
        metadata: {name: sqlite}
        spec:
          type: state.sqlite
          version: v1
          metadata:
            - {name: connectionString, value: actors.db}
            - {name: actorStateStore, value: "true"}
        """;

    private const string PubSub = """
        apiVersion: dapr.io/v1alpha1
        kind: Component
        metadata: {name: pubsub}
        spec: {type: pubsub.in-memory, version: v1, metadata: []}
        """;

    private const string Config = """{"entities":["Cart","Other"],"actorIdleTimeout":"4s","actorScanInterval":"1s"}""";

    public static TheoryData<string> Sidecars => Setting.Sidecars;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory, MemberData(nameof(Sidecars))]
    public async Task Calls_state_timers_reminders_and_what_the_app_was_asked(string sidecar)
    {
        var golden = Golden.Read("http-actors.json");
        await using var app = await RecordingApp.StartAsync("[]", Config, AnswerAsync);
        await using var setting = await Setting.StartAsync(sidecar, "cart", app.Port, Store, PubSub);
        foreach (var call in golden.GetProperty("calls").EnumerateArray())
        {
            switch (call.GetProperty("what").GetString())
            {
                case "three calls at once to a method of 1 s: seconds at which they ended":
                    await AtOnceAsync(setting);
                    continue;
                case "timer delete":
                    // Until here timer and reminders have ticked as often as in the golden file.
                    await Eventually.Holds(() => Assert.Equal(4, app.At("/actors/Cart/1/method/timer/tim").Count));
                    break;
            }

            await AssertAsync(setting, call);
        }

        await Eventually.Holds(() => Assert.Single(app.Asked, a => a is { Method: "DELETE", Path: "/actors/Other/9" }));
        AssertAsked(golden.GetProperty("app"), app);
    }

    private static async Task AnswerAsync(Asked asked, HttpContext http)
    {
        switch (asked.Path.Split('/')[^1])
        {
            case "fail":
                http.Response.StatusCode = 500;
                http.Response.Headers["X-DaprErrorResponseHeader"] = "boom";
                await http.Response.WriteAsync("{\"oops\": 1}");
                return;
            case "missing":
                http.Response.StatusCode = 404;
                return;
            case "slow":
                await Task.Delay(TimeSpan.FromSeconds(1), CancellationToken.None);
                break;
        }

        if (asked.Method == "PUT")
        {
            http.Response.ContentType = "application/json";
            http.Response.Headers["X-Mine"] = "1";
            await http.Response.WriteAsync($"{{\"echo\": {JsonSerializer.Serialize(asked.Body, Relaxed)}, \"p\": \"{asked.Path}\"}}");
        }
    }

    private static readonly double[] OneAfterTheOther = [1.0, 2.0, 3.1];

    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static async Task AtOnceAsync(Setting setting)
    {
        using var http = new HttpClient { BaseAddress = setting.Http };
        http.DefaultRequestHeaders.TryAddWithoutValidation("Accept-Encoding", "identity");
        var started = TimeProvider.System.GetTimestamp();
        var ended = await Task.WhenAll(Enumerable.Range(0, 3).Select(async _ =>
        {
            using var body = new ByteArrayContent("1"u8.ToArray());
            using var response = await http.PostAsync("/v1.0/actors/Cart/1/method/slow", body, Token);
            response.EnsureSuccessStatusCode();
            return TimeProvider.System.GetElapsedTime(started).TotalSeconds;
        }));

        foreach (var (expected, actual) in OneAfterTheOther.Zip(ended.Order()))
        {
            Assert.InRange(actual, expected - 0.2, expected + 0.5);
        }
    }

    private static async Task AssertAsync(Setting setting, JsonElement call)
    {
        using var http = new HttpClient();
        var what = call.GetProperty("what").GetString();
        using var request = call.GetProperty("request").ToRequest(setting.Http);
        request.Headers.TryAddWithoutValidation("Accept-Encoding", "identity");
        var started = TimeProvider.System.GetTimestamp();
        using var response = await http.SendAsync(request, Token);
        var body = await response.Content.ReadAsStringAsync(Token);

        Assert.InRange(TimeProvider.System.GetElapsedTime(started).TotalSeconds, call.GetProperty("seconds").GetDouble() - 0.3, call.GetProperty("seconds").GetDouble() + 1);
        Assert.Equal((what, call.GetProperty("status").GetInt32()), (what, (int)response.StatusCode));
        if (what == "metadata")
        {
            var actors = JsonDocument.Parse(body).RootElement.GetProperty("actorRuntime").GetProperty("activeActors").EnumerateArray();
            Assert.Equal(["Cart", "Other"], actors.Select(a => a.GetProperty("type").GetString()).Order());
            return;
        }

        foreach (var header in (string[])["Content-Type", "X-Mine"])
        {
            var expected = call.GetProperty("headers").TryGetProperty(header, out var value) ? value.GetString() : null;
            var actual = response.Headers.Concat(response.Content.Headers).FirstOrDefault(h => h.Key == header).Value?.Single();
            Assert.Equal((what, header, expected), (what, header, actual));
        }

        // Of a body that cannot be read, the parser's own words are not compared.
        var wanted = call.GetProperty("body").GetString()!;
        Assert.Equal((what, Comparable(wanted)), (what, Comparable(body)));

        static string Comparable(string text) => text.StartsWith("{\"errorCode\":\"ERR_MALFORMED_REQUEST\"", StringComparison.Ordinal) ? text[..75] : text;
    }

    private static void AssertAsked(JsonElement golden, RecordingApp app)
    {
        string[] questions = ["/dapr/config", "/dapr/subscribe"];
        var expected = golden.EnumerateArray().ToArray();
        var asked = questions.SelectMany(app.At).Concat(app.Asked).ToArray();
        Assert.Equal(
            expected.GroupBy(e => e.GetProperty("path").GetString()).Select(g => $"{g.Key} {g.Count()}").Order(),
            asked.GroupBy(a => a.Path).Select(g => $"{g.Key} {g.Count()}").Order());
        foreach (var path in expected.GroupBy(e => e.GetProperty("path").GetString()!))
        {
            var actual = asked.Where(a => a.Path == path.Key).ToArray();
            foreach (var (want, have) in path.Zip(actual))
            {
                Assert.Equal((path.Key, want.GetProperty("method").GetString()), (path.Key, have.Method));
                Assert.Equal((path.Key, (string?)null), (path.Key, Golden.Difference(want.GetProperty("headers"), want.GetProperty("body"), have)));
            }

            foreach (var (want, have) in Gaps(path.Select(p => p.GetProperty("at").GetDouble())).Zip(Gaps(actual.Select(a => a.At.TotalSeconds))))
            {
                Assert.InRange(have, want - 0.7, want + 0.9);
            }
        }

        // An actor is idle from the start of its last call on.
        var last = asked.Last(a => a.Path.StartsWith("/actors/Other/9/", StringComparison.Ordinal)).At;
        Assert.InRange((asked.Last(a => a.Path == "/actors/Other/9").At - last).TotalSeconds, 3.8, 4.7);
    }

    private static IEnumerable<double> Gaps(IEnumerable<double> times)
    {
        var all = times.ToArray();
        return all.Skip(1).Zip(all, (later, earlier) => later - earlier);
    }
}
