using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using Microsoft.AspNetCore.Http;
using Sidecar.Configuration;
using Sidecar.Server;
using TestSupport;

namespace Sidecar.Tests;

public sealed partial class ActorTests : IAsyncDisposable
{
    private const string Config = """{"entities":["Cart"],"actorIdleTimeout":"1h","drainOngoingCallTimeout":"1s"}""";

    private readonly Street _street = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _street.DisposeAsync();

    [Fact]
    public async Task An_actor_lives_on_one_replica_whoever_calls_it()
    {
        var (one, first) = await CartsAsync();
        var (two, second) = await CartsAsync();
        var outside = await _street.OpenAsync(new AppSpec { AppId = "outside", Directory = "/" });

        for (var id = 0; id < 40; id++)
        {
            foreach (var sidecar in (AppSidecar[])[first, second, outside])
            {
                Assert.Equal(HttpStatusCode.OK, await CallAsync(sidecar, $"{id}"));
            }
        }

        var homes = Homes(one, two);
        Assert.Equal(40, homes.Count);
        Assert.All(homes, h => Assert.Single(h));
        Assert.NotEmpty(one.Asked);
        Assert.NotEmpty(two.Asked);
        Assert.Equal(40, first.ActiveActors.Single().Count + second.ActiveActors.Single().Count);
        Assert.Empty(outside.ActiveActors);
    }

    [Fact]
    public async Task A_replica_that_comes_takes_only_its_share_and_each_actor_is_deactivated_before_it_lives_again()
    {
        var (one, first) = await CartsAsync();
        for (var id = 0; id < 40; id++)
        {
            await CallAsync(first, $"{id}");
        }

        var (two, second) = await CartsAsync();
        for (var id = 0; id < 40; id++)
        {
            Assert.Equal(HttpStatusCode.OK, await CallAsync(second, $"{id}"));
        }

        var moved = two.Asked.Select(a => a.Path.Split('/')[3]).ToHashSet();
        Assert.InRange(moved.Count, 5, 35);
        Assert.Equal(moved.Order(), one.Asked.Where(a => a.Method == "DELETE").Select(a => a.Path.Split('/')[3]).Order());
        Assert.Equal(40 + 40 - moved.Count, one.Asked.Count(a => a.Method == "PUT"));
    }

    [Fact]
    public async Task When_a_replica_goes_its_calls_finish_and_its_actors_move()
    {
        var arrived = new TaskCompletionSource();
        var go = new TaskCompletionSource();
        var (one, first) = await CartsAsync((asked, _) =>
        {
            if (!asked.Path.EndsWith("/slow", StringComparison.Ordinal))
            {
                return Task.CompletedTask;
            }

            arrived.TrySetResult();
            return go.Task;
        });
        var (two, _) = await CartsAsync();
        var outside = await _street.OpenAsync(new AppSpec { AppId = "outside", Directory = "/" });
        var id = "";
        for (var i = 0; one.Asked.Count == 0; i++)
        {
            id = $"{i}";
            await CallAsync(outside, id);
        }

        var slow = CallAsync(outside, id, "slow");
        await arrived.Task.WaitAsync(Token);

        var stopping = first.StopAsync();
        var next = CallAsync(outside, id, "next");
        await Task.WhenAny(next, Task.Delay(300, Token));
        Assert.False(next.IsCompleted);
        go.SetResult();

        Assert.Equal(HttpStatusCode.OK, await slow);
        Assert.Equal(HttpStatusCode.OK, await next);
        await stopping;
        Assert.Equal(
            [$"PUT /actors/Cart/{id}/method/add", $"PUT /actors/Cart/{id}/method/slow", $"DELETE /actors/Cart/{id}"],
            one.Asked.Select(a => $"{a.Method} {a.Path}"));
        Assert.Equal($"/actors/Cart/{id}/method/next", two.Asked[^1].Path);
    }

    [Fact]
    public async Task When_an_app_is_killed_its_actors_move_within_moments_and_nobody_sees_an_error()
    {
        var (one, first) = await CartsAsync();
        var (two, second) = await CartsAsync();
        for (var id = 0; id < 20; id++)
        {
            await CallAsync(second, $"{id}");
        }

        var homeless = one.Asked.Select(a => a.Path.Split('/')[3]).Distinct().ToArray();
        Assert.NotEmpty(homeless);
        await one.DisposeAsync();
        var calling = Task.WhenAll(homeless.Select(id => CallAsync(second, id)));
        await first.AppDiedAsync();
        var started = Stopwatch.GetTimestamp();

        Assert.All(await calling, s => Assert.Equal(HttpStatusCode.OK, s));
        Assert.InRange(Stopwatch.GetElapsedTime(started).TotalSeconds, 0, 2);
        Assert.Subset(two.Asked.Select(a => a.Path.Split('/')[3]).ToHashSet(), homeless.ToHashSet());
    }

    [Fact]
    public async Task An_app_that_is_started_again_hosts_its_actors_again()
    {
        var (one, first) = await CartsAsync();
        Assert.Equal(HttpStatusCode.OK, await CallAsync(first, "1"));
        await one.DisposeAsync();
        await first.AppDiedAsync();
        Assert.Empty(first.ActiveActors);

        await using var again = await RecordingApp.StartAsync(null, Config, port: one.Port);
        await Eventually.True(() => first.ActiveActors.Count == 1, "the app has its actors again");
        Assert.Equal(HttpStatusCode.OK, await CallAsync(first, "1"));
        Assert.NotEmpty(again.Asked);
    }

    [Fact]
    public async Task An_app_that_drops_the_connection_and_lives_on_is_an_error()
    {
        var (app, sidecar) = await CartsAsync((_, http) =>
        {
            http.Abort();
            return Task.CompletedTask;
        });

        using var response = await _street.SendAsync(sidecar, HttpMethod.Post, "/v1.0/actors/Cart/1/method/x", "1");

        Assert.Equal(HttpStatusCode.InternalServerError, response.StatusCode);
        Assert.Contains("ERR_ACTOR_INVOKE_METHOD", await response.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
        Assert.Single(app.Asked);
    }

    [Fact]
    public async Task An_unwell_replica_loses_its_actors_until_it_is_well()
    {
        var well = true;
        var (one, first) = await _street.MoveInAsync(
            "cart",
            await RecordingApp.StartAsync(null, Config, (asked, http) =>
            {
                http.Response.StatusCode = asked.Path != "/healthz" || well ? 200 : 500;
                return Task.CompletedTask;
            }),
            health: new AppHealthCheck("/healthz", TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(40), 1));
        var (two, second) = await CartsAsync();

        well = false;
        await Eventually.True(() => first.ActiveActors.Count == 0, "the replica is out");
        for (var id = 0; id < 10; id++)
        {
            Assert.Equal(HttpStatusCode.OK, await CallAsync(second, $"{id}"));
        }

        Assert.Equal(10, two.Asked.Count);
        well = true;
        await Eventually.True(() => first.ActiveActors.Count == 1, "the replica is back");
        for (var id = 0; id < 10; id++)
        {
            Assert.Equal(HttpStatusCode.OK, await CallAsync(second, $"{id}"));
        }

        Assert.Contains(one.Asked, a => a.Path != "/healthz");
        Assert.Single(one.At("/dapr/config"));
    }

    [Fact]
    public async Task A_replica_that_hangs_keeps_its_callers_waiting_until_its_probes_have_failed_often_enough()
    {
        TaskCompletionSource? hang = null;
        var (one, first) = await _street.MoveInAsync(
            "cart",
            await RecordingApp.StartAsync(
                """[{"pubsubname":"pubsub","topic":"t","route":"/t"}]""",
                """{"entities":["Cart"],"drainOngoingCallTimeout":"200ms"}""",
                (_, http) => hang?.Task.WaitAsync(http.RequestAborted) ?? Task.CompletedTask),
            health: new AppHealthCheck("/healthz", TimeSpan.FromMilliseconds(200), TimeSpan.FromMilliseconds(100), 3));
        var (two, second) = await CartsAsync();
        for (var id = 0; id < 10; id++)
        {
            await CallAsync(second, $"{id}");
        }

        var its = one.Asked.Where(a => a.Method == "PUT").Select(a => a.Path.Split('/')[3]).ToArray();
        Assert.NotEmpty(its);
        hang = new TaskCompletionSource();
        await _street.PublishAsync(second, "t", "1");
        var started = Stopwatch.GetTimestamp();

        Assert.All(await Task.WhenAll(its.Select(id => CallAsync(second, id))), s => Assert.Equal(HttpStatusCode.OK, s));

        // Three probes, the drain, the last words to the hanging app, and Dapr's pause before it asks again.
        Assert.InRange(Stopwatch.GetElapsedTime(started).TotalSeconds, 1.2, 6);
        Assert.Subset(two.Asked.Select(a => a.Path.Split('/')[3]).ToHashSet(), its.ToHashSet());
        Assert.Empty(first.ActiveActors);
        hang.SetResult();
    }

    [Fact]
    public async Task One_call_at_a_time_first_come_first_served_and_actors_side_by_side()
    {
        var running = new ConcurrentDictionary<string, int>();
        var overlap = false;
        var together = 0;
        var (app, sidecar) = await CartsAsync(async (asked, _) =>
        {
            var id = asked.Path.Split('/')[3];
            overlap |= running.AddOrUpdate(id, 1, (_, n) => n + 1) > 1;
            together = Math.Max(together, running.Values.Sum());
            await Task.Delay(60, CancellationToken.None);
            running.AddOrUpdate(id, 0, (_, n) => n - 1);
        });

        // Not over HTTP, where another connection may overtake: whoever calls here has his place when the method returns.
        var calls = new List<Task<Actors.ActorResult>>();
        for (var i = 0; i < 10; i++)
        {
            calls.Add(sidecar.Actors.CallAsync(new Actors.ActorCall("Cart", "a", $"m{i}", default, null, "cart", []), Token));
            calls.Add(sidecar.Actors.CallAsync(new Actors.ActorCall("Cart", "b", $"m{i}", default, null, "cart", []), Token));
        }

        Assert.All(await Task.WhenAll(calls), result => Assert.Equal(Actors.ActorFailure.None, result.Failure));
        Assert.False(overlap);
        Assert.Equal(2, together);
        Assert.Equal(
            Enumerable.Range(0, 10).Select(i => $"/actors/Cart/a/method/m{i}"),
            app.Asked.Where(a => a.Path.StartsWith("/actors/Cart/a/", StringComparison.Ordinal)).Select(a => a.Path));
    }

    [Fact]
    public async Task A_caller_that_has_gone_leaves_the_line()
    {
        var go = new TaskCompletionSource();
        var (app, sidecar) = await CartsAsync((_, _) => go.Task);
        var first = CallAsync(sidecar, "1", "first");
        await Eventually.Holds(() => Assert.Single(app.Asked));
        using var impatient = new CancellationTokenSource();
        var call = new Actors.ActorCall("Cart", "1", "second", default, null, "cart", []);
        var second = sidecar.Actors.CallAsync(call, impatient.Token);
        var third = CallAsync(sidecar, "1", "third");

        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        go.SetResult();

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (await first, await third));
        Assert.Equal(["first", "third"], app.Asked.Select(a => a.Path.Split('/')[5]));
    }

    [Fact]
    public async Task An_idle_actor_is_deactivated_and_comes_back_with_the_next_call()
    {
        var (app, sidecar) = await CartsAsync(config: """{"entities":["Cart","Other"],"actorIdleTimeout":"1h","entitiesConfig":[{"entities":["Cart"],"actorIdleTimeout":"300ms"}]}""");
        var called = Stopwatch.GetTimestamp();
        await CallAsync(sidecar, "1");
        using (await _street.SendAsync(sidecar, HttpMethod.Post, "/v1.0/actors/Other/1/method/x", "1"))
        {
        }

        // Counted from before the call: the app notes it a little after the sidecar, when the machine is busy much later.
        await Eventually.Holds(() => Assert.Single(app.Asked, a => a is { Method: "DELETE", Path: "/actors/Cart/1" }));
        Assert.InRange(Stopwatch.GetElapsedTime(called).TotalMilliseconds, 300, 15_000);
        await CallAsync(sidecar, "1");

        Assert.Equal(4, app.Asked.Count);
        Assert.Equal([("Cart", 1), ("Other", 1)], sidecar.ActiveActors.Order());
    }

    [Fact]
    public async Task Reentrant_calls_are_let_in_only_where_the_type_says_so()
    {
        AppSidecar? home = null;
        var depth = 0;
        async Task Again(Asked asked, HttpContext http)
        {
            if (Interlocked.Increment(ref depth) < 4)
            {
                using var response = await _street.SendAsync(
                    home!, HttpMethod.Post, "/v1.0/actors/Cart/1/method/again", "1", headers: ("Dapr-Reentrancy-Id", asked.Headers["Dapr-Reentrancy-Id"]));
                http.Response.StatusCode = (int)response.StatusCode;
            }
        }

        (var app, home) = await CartsAsync(Again, """{"entities":["Cart"],"reentrancy":{"enabled":true,"maxStackDepth":4}}""");
        Assert.Equal(HttpStatusCode.OK, await CallAsync(home, "1"));
        Assert.Equal(4, app.Asked.Count);
        Assert.Single(app.Asked.Select(a => a.Headers["Dapr-Reentrancy-Id"]).Distinct());

        depth = -1;
        Assert.Equal(HttpStatusCode.InternalServerError, await CallAsync(home, "1"));
    }

    [Fact]
    public async Task A_named_policy_replaces_the_built_in_repetition_and_repeats_refusals()
    {
        var failures = 2;
        var file = new ResiliencyFile
        {
            Name = "r",
            File = "r.yaml",
            Timeouts = new Dictionary<string, TimeSpan> { ["t"] = TimeSpan.FromMilliseconds(200) },
            Retries = new Dictionary<string, RetryPolicy> { ["r"] = new() { Duration = TimeSpan.FromMilliseconds(10), MaxRetries = 2 } },
            Actors = new Dictionary<string, PolicyNames> { ["Cart"] = new("t", "r"), ["Nobody"] = new(null, "r") },
        };
        var (app, sidecar) = await _street.MoveInAsync(
            "cart",
            await RecordingApp.StartAsync(null, Config, async (asked, http) =>
            {
                if (asked.Path.EndsWith("/hang", StringComparison.Ordinal))
                {
                    await Task.Delay(2000, http.RequestAborted);
                }

                http.Response.StatusCode = failures-- > 0 ? 500 : 200;
            }),
            new Resources([Street.ActorStore()], [], [file]));

        Assert.Equal(HttpStatusCode.OK, await CallAsync(sidecar, "1"));
        Assert.Equal(3, app.Asked.Count);
        Assert.Equal(HttpStatusCode.InternalServerError, await CallAsync(sidecar, "2", "hang"));
        var started = Stopwatch.GetTimestamp();
        using var nobody = await _street.SendAsync(sidecar, HttpMethod.Post, "/v1.0/actors/Nobody/1/method/x", "1");
        Assert.Equal(HttpStatusCode.InternalServerError, nobody.StatusCode);
        Assert.InRange(Stopwatch.GetElapsedTime(started).TotalSeconds, 0, 2);
    }

    [Fact]
    public async Task Without_an_actor_state_store_nothing_is_hosted()
    {
        var (_, sidecar) = await _street.MoveInAsync("cart", await RecordingApp.StartAsync(null, Config), new Resources([Street.PubSub()], [], []));

        Assert.Empty(sidecar.ActiveActors);
        Assert.Equal(HttpStatusCode.Forbidden, await PutAsync(sidecar, "reminders/r", "{}"));
        Assert.Equal(HttpStatusCode.InternalServerError, await PutAsync(sidecar, "timers/t", "{}"));
    }

    private static List<string[]> Homes(params RecordingApp[] apps) =>
    [
        .. apps.SelectMany(app => app.Asked.Select(a => (Id: a.Path.Split('/')[3], Home: app.Port.ToString(System.Globalization.CultureInfo.InvariantCulture))))
            .GroupBy(a => a.Id).Select(g => g.Select(a => a.Home).Distinct().ToArray()),
    ];

    private async Task<(RecordingApp App, AppSidecar Sidecar)> CartsAsync(
        Func<Asked, HttpContext, Task>? answer = null, string config = Config) =>
        await _street.MoveInAsync("cart", await RecordingApp.StartAsync(null, config, answer));

    private async Task<HttpStatusCode> CallAsync(AppSidecar sidecar, string id, string method = "add")
    {
        using var response = await _street.SendAsync(sidecar, HttpMethod.Put, $"//v1.0/actors/Cart/{id}/method/{method}", "{}");
        return response.StatusCode;
    }

    private async Task<HttpStatusCode> PutAsync(AppSidecar sidecar, string what, string body)
    {
        using var response = await _street.SendAsync(sidecar, HttpMethod.Put, $"/v1.0/actors/Cart/1/{what}", body);
        return response.StatusCode;
    }
}
