using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Dapr;
using Dapr.Client;
using Grpc.Core;
using TestSupport;

namespace Conformance.Tests;

/// <summary>
/// The repository's own run file, configurations and components: what the services ask of their sidecars is answered, and nothing else.
/// On a real <c>daprd</c> with the components of <see cref="ComponentSet"/>, on the embedded sidecar with <c>components/local</c>.
/// </summary>
public sealed class OurFilesTests
{
    private static readonly StateOptions FirstWrite = new() { Concurrency = ConcurrencyMode.FirstWrite, Consistency = ConsistencyMode.Strong };
    private static readonly string[] Log = ["accounts-command", "accounts-processor"];
    private static readonly string[] Views = ["accounts-processor", "accounts-query"];

    public static TheoryData<string> Sidecars => Setting.Sidecars;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory, MemberData(nameof(Sidecars))]
    public async Task Stores_keep_their_word_and_are_shared_by_the_apps_that_they_are_scoped_to(string sidecar)
    {
        await using var system = await StartAsync(sidecar);
        await SharedAsync(system, "event-log", Log);
        await SharedAsync(system, "views", Views);

        foreach (var (app, components) in new Dictionary<string, string[]>
        {
            ["accounts-command"] = ["event-log", "wakeups"],
            ["accounts-processor"] = ["event-log", "events", "views", "wakeups"],
            ["accounts-query"] = ["views"],
        })
        {
            using var http = new HttpClient { BaseAddress = system[app].Http };
            var metadata = await http.GetFromJsonAsync<JsonElement>("/v1.0/metadata", Token);
            Assert.Equal(
                components,
                metadata.GetProperty("components").EnumerateArray().Select(component => component.GetProperty("name").GetString()).Where(name => name != "secrets").Order(StringComparer.Ordinal));
        }

        using var query = system["accounts-query"].Client();
        var refusal = await Assert.ThrowsAsync<DaprException>(() => query.GetStateAsync<string>("event-log", "k", cancellationToken: Token));
        Assert.Equal(StatusCode.InvalidArgument, Assert.IsType<RpcException>(refusal.InnerException).StatusCode);
    }

    [Theory, MemberData(nameof(Sidecars))]
    public async Task Messages_reach_who_subscribes_and_what_no_service_calls_is_closed(string sidecar)
    {
        await using var system = await StartAsync(
            sidecar,
            """[{"pubsubname":"wakeups","topic":"account-log","route":"/wake-ups"},{"pubsubname":"events","topic":"account-events","route":"/events"}]""");
        using var commands = system["accounts-command"].Client();
        using var processing = system["accounts-processor"].Client();
        var mark = Guid.NewGuid().ToString("N");

        // A broker may be slow to give a new subscriber its first message, and may have old ones.
        await Eventually.Holds(
            async () =>
            {
                await commands.PublishEventAsync("wakeups", "account-log", mark, Token);
                await processing.PublishEventAsync("events", "account-events", mark, Token);
                string[] routes = ["/wake-ups", "/events"];
                Assert.All(routes, route => Assert.Contains(system.App("accounts-processor").At(route), asked => asked.Json.GetProperty("data").ToString() == mark));
            },
            TimeSpan.FromSeconds(30));

        using (var http = new HttpClient { BaseAddress = system["accounts-command"].Http })
        {
            using var closed = await http.GetAsync("/v1.0/state/event-log/k", Token);
            Assert.Equal((HttpStatusCode.NotFound, "404 page not found\n"), (closed.StatusCode, await closed.Content.ReadAsStringAsync(Token)));
        }

        using var query = system["accounts-query"].Client();
        var refusal = await Assert.ThrowsAsync<DaprException>(() => query.PublishEventAsync("wakeups", "account-log", mark, Token));
        Assert.Equal(StatusCode.Unimplemented, Assert.IsType<RpcException>(refusal.InnerException).StatusCode);
    }

    /// <summary>One of many creates wins, an old ETag is refused, a transaction is read in bulk; by one app or the other.</summary>
    private static async Task SharedAsync(OurSidecars system, string store, string[] apps)
    {
        using var one = system[apps[0]].Client();
        using var other = system[apps[1]].Client();
        var (key, second) = ($"conformance-{Guid.NewGuid():N}", $"conformance-{Guid.NewGuid():N}");
        try
        {
            var winners = new ConcurrentBag<int>();
            await Task.WhenAll(Enumerable.Range(0, 32).Select(async racer =>
            {
                try
                {
                    await (racer % 2 == 0 ? one : other).SaveStateAsync(store, key, racer, FirstWrite, cancellationToken: Token);
                    winners.Add(racer);
                }
                catch (DaprException)
                {
                    // Lost, as 31 of them must.
                }
            }));
            var (kept, etag) = await other.GetStateAndETagAsync<int>(store, key, ConsistencyMode.Strong, cancellationToken: Token);
            Assert.Equal(Assert.Single(winners), kept);

            var upsert = new StateTransactionRequest(key, JsonSerializer.SerializeToUtf8Bytes(100), StateOperationType.Upsert, etag, options: FirstWrite);
            var beside = new StateTransactionRequest(second, JsonSerializer.SerializeToUtf8Bytes(200), StateOperationType.Upsert, options: FirstWrite);
            await one.ExecuteStateTransactionAsync(store, [upsert, beside], cancellationToken: Token);
            await Assert.ThrowsAnyAsync<Exception>(async () =>
                Assert.True(await other.TrySaveStateAsync(store, key, 300, etag, FirstWrite, cancellationToken: Token)));
            var both = await other.GetBulkStateAsync<int>(store, [key, second], parallelism: null, cancellationToken: Token);
            Assert.Equal([(key, 100), (second, 200)], both.Select(item => (item.Key, item.Value)).OrderBy(item => item.Value));
        }
        finally
        {
            await one.DeleteStateAsync(store, key, cancellationToken: Token);
            await one.DeleteStateAsync(store, second, cancellationToken: Token);
        }
    }

    private static async Task<OurSidecars> StartAsync(string sidecar, string? ofTheProcessor = null)
    {
        var missing = sidecar == Setting.Embedded ? null : await ComponentSet.MissingAsync();
        Assert.SkipWhen(missing is not null, missing ?? "");
        return await OurSidecars.StartAsync(
            sidecar, ofTheProcessor is null ? new Dictionary<string, string>() : new Dictionary<string, string> { ["accounts-processor"] = ofTheProcessor });
    }
}
