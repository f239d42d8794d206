using System.Diagnostics;
using System.Globalization;
using System.Net;
using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Sidecar.Configuration;
using TestSupport;

namespace Sidecar.Tests;

public sealed class PubSubTests : IAsyncDisposable
{
    private readonly Street _street = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _street.DisposeAsync();

    [Fact]
    public async Task Each_app_gets_a_message_once_whichever_of_its_replicas_takes_it()
    {
        const string On = """[{"pubsubname":"pubsub","topic":"t","route":"/t"}]""";
        var one = await RecordingApp.StartAsync(On, null);
        var two = await RecordingApp.StartAsync(On, null);
        var other = await RecordingApp.StartAsync(On, null);
        var (_, publisher) = await _street.MoveInAsync("app", one);
        await _street.MoveInAsync("app", two);
        await _street.MoveInAsync("other", other);

        for (var i = 0; i < 40; i++)
        {
            await _street.PublishAsync(publisher, "t", $"{{\"i\":{i}}}");
        }

        await Eventually.Holds(() => Assert.Equal((40, 40), (one.Asked.Count + two.Asked.Count, other.Asked.Count)));
        Assert.NotEmpty(one.Asked);
        Assert.NotEmpty(two.Asked);
        Assert.Equal(Enumerable.Range(0, 40), other.Asked.Select(Number));
        Assert.Equal(Enumerable.Range(0, 40), one.Asked.Concat(two.Asked).Select(Number).Order());
    }

    [Fact]
    public async Task A_message_without_a_live_subscription_is_lost_and_a_replica_that_stops_leaves_the_rest_to_others()
    {
        const string On = """[{"pubsubname":"pubsub","topic":"t","route":"/t"}]""";
        var publisher = await _street.OpenAsync(new AppSpec { AppId = "publisher", Directory = "/" });
        await _street.PublishAsync(publisher, "t", "{\"i\":1}");
        var one = await RecordingApp.StartAsync(On, null);
        var two = await RecordingApp.StartAsync(On, null);
        var (_, first) = await _street.MoveInAsync("app", one);
        await _street.MoveInAsync("app", two);

        await first.StopAsync();
        for (var i = 2; i < 6; i++)
        {
            await _street.PublishAsync(publisher, "t", $"{{\"i\":{i}}}");
        }

        await Eventually.Holds(() => Assert.Equal(Enumerable.Range(2, 4), two.Asked.Select(Number)));
        Assert.Empty(one.Asked);
    }

    [Theory]
    [InlineData(200, null, 1, false)]
    [InlineData(201, "x", 1, false)]
    [InlineData(200, """{"status":"SUCCESS"}""", 1, false)]
    [InlineData(200, """{"status":""}""", 1, false)]
    [InlineData(200, """{"status":5}""", 1, false)]
    [InlineData(200, """{"Status":"RETRY"}""", 3, true)]
    [InlineData(200, """{"status":"DROP"}""", 1, true)]
    [InlineData(200, """{"status":"WEIRD"}""", 3, true)]
    [InlineData(404, null, 1, true)]
    [InlineData(500, null, 3, true)]
    [InlineData(302, null, 3, true)]
    [InlineData(401, null, 3, true)]
    public async Task What_the_app_answers_decides(int status, string? answer, int deliveries, bool dead)
    {
        var app = await RecordingApp.StartAsync(
            """[{"pubsubname":"pubsub","topic":"t","route":"t","deadLetterTopic":"dead"},{"pubsubname":"pubsub","topic":"dead","route":"dead"}]""",
            null,
            (asked, http) =>
            {
                http.Response.StatusCode = asked.Path == "/t" ? status : 200;
                return asked.Path == "/t" && answer is not null ? http.Response.WriteAsync(answer) : Task.CompletedTask;
            });
        var (_, sidecar) = await _street.MoveInAsync("app", app, With(Retries(2, 20)));

        await _street.PublishAsync(sidecar, "t", "{\"i\":1}");
        await _street.PublishAsync(sidecar, "t", "{\"i\":2}");

        await Eventually.Holds(() => Assert.Equal((deliveries * 2, dead ? 2 : 0), (app.At("/t").Count, app.At("/dead").Count)));
        if (dead)
        {
            Assert.Equal(app.At("/t")[0].Body, app.At("/dead")[0].Body);
        }
    }

    [Fact]
    public async Task Pauses_are_those_of_the_policy_and_the_next_message_waits()
    {
        var failures = 2;
        var app = await RecordingApp.StartAsync("""[{"pubsubname":"pubsub","topic":"t","route":"t"}]""", null, (_, http) =>
        {
            http.Response.StatusCode = failures-- > 0 ? 500 : 200;
            return Task.CompletedTask;
        });
        var (_, sidecar) = await _street.MoveInAsync("app", app, With(Retries(-1, 300)));

        await _street.PublishAsync(sidecar, "t", "{\"i\":1}");
        await _street.PublishAsync(sidecar, "t", "{\"i\":2}");

        await Eventually.Holds(() => Assert.Equal([1, 1, 1, 2], app.Asked.Select(Number)));
        Assert.InRange((app.Asked[1].At - app.Asked[0].At).TotalMilliseconds, 290, 700);
        Assert.InRange((app.Asked[2].At - app.Asked[1].At).TotalMilliseconds, 290, 700);
    }

    [Fact]
    public async Task A_slow_handler_is_called_again_while_it_still_runs()
    {
        var running = 0;
        var most = 0;
        var app = await RecordingApp.StartAsync("""[{"pubsubname":"pubsub","topic":"t","route":"t"}]""", null, async (_, http) =>
        {
            most = Math.Max(most, Interlocked.Increment(ref running));
            await Task.Delay(800, CancellationToken.None);
            Interlocked.Decrement(ref running);
        });
        var file = Retries(2, 50) with
        {
            Timeouts = new Dictionary<string, TimeSpan> { ["short"] = TimeSpan.FromMilliseconds(300) },
            Inbound = new Dictionary<string, PolicyNames> { ["pubsub"] = new("short", "r") },
        };
        var (_, sidecar) = await _street.MoveInAsync("app", app, With(file));

        await _street.PublishAsync(sidecar, "t", "{\"i\":1}");

        await Eventually.Holds(() => Assert.Equal(3, app.Asked.Count));
        Assert.True(most > 1);
    }

    [Fact]
    public async Task Rules_choose_the_path_and_what_none_takes_is_a_dead_letter()
    {
        var app = await RecordingApp.StartAsync(
            """
            [{"pubsubName":"pubsub","topic":"t","deadLetterTopic":"dead",
              "routes":{"rules":[{"match":"event.type == \"a\"","path":"a"},{"match":"has(event.data.x) && event.data.x > 5","path":"/big"}]}},
             {"pubsubName":"pubsub","topic":"u","routes":{"rules":[{"match":"event.data.x > 5","path":"/big"}],"default":"/other"}},
             {"pubsubName":"pubsub","topic":"none","routes":{}},
             {"pubsubName":"pubsub","topic":"dead","route":"/dead"}]
            """, null);
        var (_, sidecar) = await _street.MoveInAsync("app", app);

        await _street.PublishAsync(sidecar, "t", "{\"i\":1}", "?metadata.cloudevent.type=a");
        await _street.PublishAsync(sidecar, "t", "{\"i\":2,\"x\":6}");
        await _street.PublishAsync(sidecar, "t", "{\"i\":3,\"x\":1}");
        await _street.PublishAsync(sidecar, "u", "{\"i\":4,\"x\":1}");
        await _street.PublishAsync(sidecar, "u", "{\"i\":5}");
        await _street.PublishAsync(sidecar, "u", "{\"i\":6,\"x\":7}");

        await Eventually.Holds(() => Assert.Equal(
            ["/a 1", "/big 2", "/big 6", "/dead 3", "/other 4"], app.Asked.Select(a => $"{a.Path} {Number(a)}").Order()));
        Assert.Equal(["dead", "t", "u"], sidecar.ActiveSubscriptions.Select(s => s.Topic).Order());
    }

    [Fact]
    public async Task An_app_s_own_subscription_replaces_a_declared_one_and_a_bad_rule_leaves_the_app_without()
    {
        var declared = new Subscription { PubSubName = "pubsub", Topic = "t", Routes = [new RouteRule("", "/declared")], File = "t.yaml" };
        var resources = new Resources([Street.PubSub()], [declared, declared with { Routes = [new RouteRule("", "/second")] }], []);
        var own = await RecordingApp.StartAsync("""[{"pubsubname":"pubsub","topic":"t","route":"/own"}]""", null);
        var bad = await RecordingApp.StartAsync(
            """[{"pubsubname":"pubsub","topic":"x","route":"/x"},{"pubsubname":"pubsub","topic":"t","routes":{"rules":[{"match":"event.type ==","path":"/t"}]}}]""", null);
        var (_, sidecar) = await _street.MoveInAsync("own", own, resources);
        await _street.MoveInAsync("bad", bad, resources);

        await _street.PublishAsync(sidecar, "t", "{\"i\":1}");
        await _street.PublishAsync(sidecar, "x", "{\"i\":2}");

        await Eventually.Holds(() => Assert.Equal((1, 1), (own.At("/own").Count, bad.At("/declared").Count)));
        Assert.Equal((1, 1), (own.Asked.Count, bad.Asked.Count));
    }

    [Fact]
    public async Task An_app_that_is_not_there_yet_is_asked_again()
    {
        var port = Server.Ports.Free();
        var sidecar = await _street.OpenAsync(new AppSpec { AppId = "app", Directory = "/", AppPort = port });
        await using var app = await RecordingApp.StartAsync("""[{"pubsubname":"pubsub","topic":"t","route":"/t"}]""", null, port: port);
        await Eventually.True(() => sidecar.Ready, "the app has been found");

        await _street.PublishAsync(sidecar, "t", "{\"i\":1}");

        await Eventually.Holds(() => Assert.Single(app.Asked));
    }

    [Fact]
    public async Task An_unwell_app_gets_nothing_and_is_asked_for_its_subscriptions_only_once()
    {
        var well = true;
        var app = await RecordingApp.StartAsync("""[{"pubsubname":"pubsub","topic":"t","route":"/t"}]""", null, (asked, http) =>
        {
            http.Response.StatusCode = asked.Path != "/healthz" || well ? 200 : 500;
            return Task.CompletedTask;
        });
        var (_, sidecar) = await _street.MoveInAsync(
            "app", app, health: new AppHealthCheck("/healthz", TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(40), 1));

        well = false;
        await Eventually.True(() => sidecar.ActiveSubscriptions.Count == 0, "the subscriptions have stopped");
        await _street.PublishAsync(sidecar, "t", "{\"i\":1}");
        well = true;
        await Eventually.True(() => sidecar.ActiveSubscriptions.Count == 1, "the subscriptions are back");
        await _street.PublishAsync(sidecar, "t", "{\"i\":2}");

        await Eventually.Holds(() => Assert.Equal([2], app.At("/t").Select(Number)));
        Assert.Single(app.At("/dapr/subscribe"));
    }

    [Fact]
    public async Task Stopping_lets_a_delivery_finish()
    {
        var arrived = new TaskCompletionSource();
        var go = new TaskCompletionSource();
        var finished = false;
        var app = await RecordingApp.StartAsync("""[{"pubsubname":"pubsub","topic":"t","route":"/t"}]""", null, async (_, _) =>
        {
            arrived.SetResult();
            await go.Task;
            finished = true;
        });
        var (_, sidecar) = await _street.MoveInAsync("app", app);
        await _street.PublishAsync(sidecar, "t", "{\"i\":1}");
        await arrived.Task.WaitAsync(Token);

        var stopping = sidecar.StopAsync();
        Assert.False(stopping.IsCompleted);
        go.SetResult();
        await stopping.WaitAsync(Token);

        Assert.True(finished);
    }

    [Fact]
    public async Task Scopes_and_topic_lists_are_kept()
    {
        var resources = new Resources(
            [Street.PubSub(("publishingScopes", "app=a,shared;other="), ("subscriptionScopes", "app=s"), ("protectedTopics", "secret"), ("allowedTopics", "a,s,shared,secret"))],
            [], []);
        var app = await RecordingApp.StartAsync(
            """[{"pubsubname":"pubsub","topic":"s","route":"/s"},{"pubsubname":"pubsub","topic":"a","route":"/a"}]""", null);
        var (_, sidecar) = await _street.MoveInAsync("app", app, resources);
        var free = await _street.OpenAsync(new AppSpec { AppId = "free", Directory = "/" }, resources);
        var other = await _street.OpenAsync(new AppSpec { AppId = "other", Directory = "/" }, resources);

        Assert.Equal(["s"], sidecar.ActiveSubscriptions.Select(s => s.Topic));
        Assert.Equal(HttpStatusCode.NoContent, await StatusAsync(sidecar, "a"));
        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(sidecar, "s"));
        Assert.Equal(HttpStatusCode.NoContent, await StatusAsync(free, "s"));
        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(free, "secret"));
        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(free, "unlisted"));
        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(other, "a"));
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await _street.Grpc(free).PublishEventAsync(
            new PublishEventRequest { PubsubName = "pubsub", Topic = "secret" }, cancellationToken: Token));
        Assert.Equal((StatusCode.PermissionDenied, "topic secret is not allowed for app id free"), (refused.StatusCode, refused.Status.Detail));
    }

    [Fact]
    public async Task An_expired_message_is_dropped()
    {
        var go = new TaskCompletionSource();
        var app = await RecordingApp.StartAsync(
            """[{"pubsubname":"pubsub","topic":"t","route":"/t"}]""", null, (asked, _) => Number(asked) == 1 ? go.Task : Task.CompletedTask);
        var (_, sidecar) = await _street.MoveInAsync("app", app);
        await _street.PublishAsync(sidecar, "t", "{\"i\":1}");
        await _street.PublishAsync(sidecar, "t", "{\"i\":2}", "?metadata.ttlInSeconds=1");
        await _street.PublishAsync(sidecar, "t", "{\"i\":3}", "?metadata.ttlInSeconds=100");
        var published = Stopwatch.GetTimestamp();
        await Eventually.True(() => Stopwatch.GetElapsedTime(published).TotalSeconds > 2.1, "the message is too old");
        go.SetResult();

        await Eventually.Holds(() => Assert.Equal([1, 3], app.Asked.Select(Number)));
        var expiration = app.Asked[1].Json.GetProperty("expiration").GetString()!;
        Assert.True(DateTimeOffset.Parse(expiration, CultureInfo.InvariantCulture) > DateTimeOffset.UtcNow.AddSeconds(80));
    }

    [Fact]
    public async Task Bulk_publish_delivers_all_in_some_order_and_bulk_subscriptions_get_one_at_a_time()
    {
        var app = await RecordingApp.StartAsync(
            """
            [{"pubsubname":"pubsub","topic":"t","route":"/t"},
             {"pubsubname":"pubsub","topic":"b","route":"/b","deadLetterTopic":"dead","bulkSubscribe":{"enabled":true,"maxMessagesCount":20,"maxAwaitDurationMs":50}},
             {"pubsubname":"pubsub","topic":"dead","route":"/dead"}]
            """, null,
            (asked, http) =>
            {
                if (asked.Path != "/b")
                {
                    return Task.CompletedTask;
                }

                var entry = asked.Json.GetProperty("entries")[0];
                var i = entry.GetProperty("event").GetProperty("data").GetProperty("i").GetInt32();
                var status = i switch { 1 => "RETRY", 2 => "DROP", _ => "SUCCESS" };
                return http.Response.WriteAsync($$"""{"statuses":[{"entryId":"{{entry.GetProperty("entryId").GetString()}}","status":"{{status}}"}]}""");
            });
        var (_, sidecar) = await _street.MoveInAsync("app", app);
        var many = new BulkPublishRequest { PubsubName = "pubsub", Topic = "t" };
        many.Entries.AddRange(Enumerable.Range(0, 50).Select(i => new BulkPublishRequestEntry
        {
            EntryId = i.ToString(CultureInfo.InvariantCulture),
            ContentType = "application/json",
            Event = ByteString.CopyFromUtf8($"{{\"i\":{i}}}"),
        }));
        await _street.Grpc(sidecar).BulkPublishEventAsync(many, cancellationToken: Token);
        for (var i = 0; i < 3; i++)
        {
            await _street.PublishAsync(sidecar, "b", $"{{\"i\":{i}}}");
        }

        await Eventually.Holds(() => Assert.Equal((50, 3, 2), (app.At("/t").Count, app.At("/b").Count, app.At("/dead").Count)));
        Assert.Equal(Enumerable.Range(0, 50), app.At("/t").Select(Number).Order());
        Assert.NotEqual(Enumerable.Range(0, 50), app.At("/t").Select(Number));
        Assert.All(app.At("/b"), a => Assert.Equal(1, a.Json.GetProperty("entries").GetArrayLength()));
        Assert.Equal([1, 2], app.At("/dead").Select(Number));
    }

    [Fact]
    public async Task The_publisher_s_trace_reaches_the_envelope_and_the_delivery()
    {
        const string Trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        var app = await RecordingApp.StartAsync("""[{"pubsubname":"pubsub","topic":"t","route":"/t"}]""", null);
        var (_, sidecar) = await _street.MoveInAsync("app", app);

        using var _ = await _street.SendAsync(
            sidecar, HttpMethod.Post, "/v1.0/publish/pubsub/t", "{}", headers: ("traceparent", $"00-{Trace}-00f067aa0ba902b7-01"));

        await Eventually.Holds(() => Assert.Single(app.Asked));
        Assert.Contains(Trace, app.Asked[0].Headers["traceparent"], StringComparison.Ordinal);
        Assert.Contains(Trace, app.Asked[0].Json.GetProperty("traceid").GetString()!, StringComparison.Ordinal);
        Assert.Equal(app.Asked[0].Json.GetProperty("traceid").GetString(), app.Asked[0].Json.GetProperty("traceparent").GetString());
    }

    [Fact]
    public async Task A_subscriber_that_is_far_behind_makes_publishers_wait()
    {
        var go = new TaskCompletionSource();
        var app = await RecordingApp.StartAsync("""[{"pubsubname":"pubsub","topic":"t","route":"/t"}]""", null, (_, _) => go.Task);
        var (_, sidecar) = await _street.MoveInAsync("app", app);
        var megabytes = "\"" + new string('x', 3 << 20) + "\"";

        var publishing = Task.WhenAll(Enumerable.Range(0, 8).Select(_ => _street.PublishAsync(sidecar, "t", megabytes)));
        await Eventually.Holds(() => Assert.Single(app.Asked));
        await Task.WhenAny(publishing, Task.Delay(500, Token));

        Assert.False(publishing.IsCompleted);
        go.SetResult();
        await publishing.WaitAsync(Token);
        await Eventually.Holds(() => Assert.Equal(8, app.Asked.Count));
    }

    private static int Number(Asked asked) => asked.Json.GetProperty("data").GetProperty("i").GetInt32();

    private static Resources With(ResiliencyFile file) => new([Street.PubSub(), Street.ActorStore()], [], [file]);

    private static ResiliencyFile Retries(int count, int milliseconds) => new()
    {
        Name = "r",
        File = "r.yaml",
        Retries = new Dictionary<string, RetryPolicy> { ["r"] = new() { Duration = TimeSpan.FromMilliseconds(milliseconds), MaxRetries = count } },
        Inbound = new Dictionary<string, PolicyNames> { ["pubsub"] = new(null, "r") },
    };

    private async Task<HttpStatusCode> StatusAsync(Server.AppSidecar sidecar, string topic)
    {
        using var response = await _street.SendAsync(sidecar, HttpMethod.Post, $"/v1.0/publish/pubsub/{topic}", "{}");
        return response.StatusCode;
    }
}
