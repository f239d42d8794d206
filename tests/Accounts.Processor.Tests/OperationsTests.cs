using System.Net;
using System.Text.Json;
using Accounts.Contracts;
using Accounts.Processor.Tests.RealProcesses;
using Accounts.Processor.Users;
using EventLog;
using TestSupport;

namespace Accounts.Processor.Tests;

/// <summary>What operators see and order, over HTTP, of a processor that runs.</summary>
public class OperationsTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Operators_see_pause_rebuild_verify_and_roll_back_by_HTTP_and_nothing_is_restarted()
    {
        await using var system = await RunningSystem.Start(processors: 2, queries: true);
        system.StartProcessor(1);
        system.StartProcessor(2);
        await Task.WhenAll(system.ProcessorReady(1), system.ProcessorReady(2));
        using var one = new HttpClient { BaseAddress = system.Processor(1) };
        using var other = new HttpClient { BaseAddress = system.Processor(2) };
        Assert.Empty(OpenApiComplaints.About(await Json(one, "/openapi/v1.json")));
        await system.ComesAlive("A-1", TimeSpan.FromSeconds(10));
        await Eventually.Holds(async () =>
        {
            var functions = (await Json(one, "/v1/functions")).GetProperty("items").EnumerateArray().ToDictionary(item => item.GetProperty("name").GetString()!);
            Assert.Equal(("view", "running", 0), Glance(functions["account"]));
            Assert.Equal(("policy", "running", 0), Glance(functions["confirm-on-creation"]));
            Assert.Equal(("publisher", "running", 0), Glance(functions["account-events"]));
        });

        Assert.Equal((404, "unknown-function"), await Refusal(one, HttpMethod.Get, "/v1/functions/none"));
        Assert.Equal((404, "unknown-function"), await Refusal(one, HttpMethod.Post, "/v1/functions/none/pause"));
        Assert.Equal((404, "unknown-function"), await Refusal(one, HttpMethod.Get, "/v1/parked?function=none"));
        Assert.Equal((404, "unknown-parked-event"), await Refusal(one, HttpMethod.Get, "/v1/parked/account.1.A-1.1"));
        Assert.Equal((404, "unknown-parked-event"), await Refusal(one, HttpMethod.Post, "/v1/parked/nonsense/replay"));
        Assert.Equal((400, "invalid-request"), await Refusal(one, HttpMethod.Get, "/v1/parked?limit=501"));
        Assert.Equal((400, "invalid-request"), await Refusal(one, HttpMethod.Get, "/v1/parked?cursor=nonsense"));
        Assert.Equal((400, "invalid-request"), await Refusal(one, HttpMethod.Get, "/v1/parked?cursor=none.1.A-1"));
        Assert.Equal((409, "function-conflict"), await Refusal(one, HttpMethod.Post, "/v1/functions/account-events/rebuild"));
        Assert.Equal((409, "function-conflict"), await Refusal(one, HttpMethod.Post, "/v1/functions/account/rollback"));
        Assert.Equal(0, (await Json(one, "/v1/parked")).GetProperty("items").GetArrayLength());

        // One replica is asked, and all of them obey.
        await Order(one, "/v1/functions/account/pause");
        await Eventually.Holds(async () => Assert.Equal("paused", (await Json(other, "/v1/functions/account")).GetProperty("state").GetString()));
        await Task.Delay(TimeSpan.FromSeconds(1), Stop);
        using var opened = await system.Commands.PostAsync(
            "/v1/accounts", new StringContent("""{"userId":1,"accountNumber":"A-2","defaultAccount":false}""", System.Text.Encoding.UTF8, "application/json"), Stop);
        await Eventually.Holds(async () =>
        {
            var detail = await Json(other, "/v1/functions/account");
            Assert.True(detail.GetProperty("lagEvents").GetInt64() >= 1 && detail.GetProperty("lagSeconds").GetDouble() > 0);
            var partition = detail.GetProperty("partitions").EnumerateArray().Single(place => place.GetProperty("lagEvents").GetInt64() > 0);
            Assert.True(partition.GetProperty("tail").GetInt64() > partition.GetProperty("checkpoint").GetInt64());
        });
        await Order(other, "/v1/functions/account/resume");
        await system.ComesAlive("A-3", TimeSpan.FromSeconds(10));

        await Order(one, "/v1/functions/history/verify?heal=true");

        // While every view is filled anew and takes over, clients write, and read what they should.
        using var done = new CancellationTokenSource();
        using var reader = new HttpReader(system.Queries, "A-1");
        await reader.Ready();
        var load = Task.WhenAll(system.Load(clients: 2, done.Token), Task.Run(() => reader.Read(done.Token), Stop));
        await Order(other, "/v1/functions/account/rebuild");
        await Order(other, "/v1/functions/history/rebuild");
        await Order(other, "/v1/functions/index/rebuild");
        Assert.Equal((409, "function-conflict"), await Refusal(one, HttpMethod.Post, "/v1/functions/account/rebuild"));
        await Eventually.Holds(
            async () =>
            {
                foreach (var view in (string[])["account", "history", "index"])
                {
                    var generations = (await Json(one, $"/v1/functions/{view}")).GetProperty("generations").EnumerateArray();
                    Assert.Equal(["1 kept", "2 live"], generations.Select(generation => $"{generation.GetProperty("id")} {generation.GetProperty("state")}"));
                }
            },
            TimeSpan.FromSeconds(30));
        await Eventually.True(() => load.IsCompleted || reader.Rounds > 20, "clients have read a while");
        await done.CancelAsync();
        await load;
        await Eventually.Holds(async () =>
        {
            await reader.ReadOnce();
            Assert.Equal((await Events(system)).Count, reader.Events);
            var generation = (await Json(one, "/v1/functions/account")).GetProperty("generations")[1];
            Assert.Equal(generation.GetProperty("eventsOf").GetInt64(), generation.GetProperty("eventsDone").GetInt64());
        });

        // No policy has reacted again.
        var confirmed = (await Events(system)).Where(recorded => recorded.Event.Name == "ACCOUNT_CONFIRMED").ToList();
        Assert.Equal(confirmed.Count, confirmed.DistinctBy(recorded => recorded.Stream).Count());
        var verification = (await Json(one, "/v1/functions/history")).GetProperty("verification");
        Assert.Equal(("done", 0), (verification.GetProperty("state").GetString(), verification.GetProperty("broken").GetInt32()));
        Assert.True(verification.GetProperty("rows").GetInt32() >= 9);
        Assert.True(verification.GetProperty("eventsPerSecond").GetDouble() > 0 && !verification.TryGetProperty("secondsLeft", out _));
        await Order(one, "/v1/functions/account/rollback");
        await Eventually.Holds(
            async () => Assert.Equal("running", (await Json(other, "/v1/functions/account")).GetProperty("state").GetString()), TimeSpan.FromSeconds(30));
        await Order(one, "/v1/functions/account/drop");
    }

    [Fact]
    public async Task Operators_see_what_is_parked_and_why_and_have_it_replayed_or_left_out_by_HTTP()
    {
        await using var system = await RunningSystem.Start(processors: 1);
        system.StartProcessor(1);
        await system.ProcessorReady(1);
        using var http = new HttpClient { BaseAddress = system.Processor(1) };
        await system.ComesAlive("A-1", TimeSpan.FromSeconds(10));
        var description = await system.Log.DescribeAsync(Stop);
        var (at, partition) = (new ViewPointer(description.Id, "1"), Keys.PartitionOf("A-1", description.Partitions));
        var defaults = DefaultsRow.Key(at, 1, partition);

        // Somebody has deleted a row of a view, and broken one that a policy keeps.
        await system.ViewStore.DeleteAsync(RowKeys.Account(at, "A-1"), Stop);
        await system.ViewStore.CreateAsync(defaults, "{}"u8.ToArray(), Stop);
        await system.Send("A-1", "make-default");

        string[] parked = ["account.1.A-1.4", "one-default-account.1.A-1.4"];
        await Eventually.Holds(async () => Assert.Equal(
            parked.Select(id => $"{id} parked"),
            (await Json(http, "/v1/parked")).GetProperty("items").EnumerateArray().Select(item => $"{item.GetProperty("id")} {item.GetProperty("state")}")));
        await Eventually.Holds(async () =>
        {
            (string Function, string Cause)[] expected =
                [("account", "the view has lost rows that were saved"), ("one-default-account", $"The row {defaults} cannot be read")];
            foreach (var (function, cause) in expected)
            {
                var place = (await Json(http, $"/v1/functions/{function}")).GetProperty("partitions")[partition];
                var error = place.GetProperty("lastError").GetString();
                Assert.StartsWith("Version 4 of account A-1 is held back", error, StringComparison.Ordinal);
                Assert.Contains(cause, error, StringComparison.Ordinal);
                Assert.InRange(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() - place.GetProperty("lastErrorAt").GetInt64(), 0, 60_000);
            }
        });
        Assert.Equal((409, "function-conflict"), await Refusal(http, HttpMethod.Post, $"/v1/parked/{parked[0]}/discard"));
        await Wish(parked[1], "discard");
        await Eventually.Holds(async () => Assert.Equal([parked[0]], await Parked()));

        await Order(http, "/v1/functions/account/verify?heal=true");
        await Eventually.Holds(async () => Assert.Equal(
            "done", (await Json(http, "/v1/functions/account")).GetProperty("verification").GetProperty("state").GetString()));
        await Wish(parked[0], "replay");

        await Eventually.Holds(async () => Assert.Empty(await Parked()));
        Assert.Equal((404, "unknown-parked-event"), await Refusal(http, HttpMethod.Post, $"/v1/parked/{parked[0]}/replay"));
        await system.ViewsEqualTheLog();

        async Task<IEnumerable<string?>> Parked() =>
            (await Json(http, "/v1/parked")).GetProperty("items").EnumerateArray().Select(item => item.GetProperty("id").GetString());

        async Task Wish(string id, string wish) => Assert.Equal(
            wish, (await Json(http, $"/v1/parked/{id}/{wish}", HttpMethod.Post, HttpStatusCode.Accepted)).GetProperty("requested").GetString());
    }

    private static async Task<IReadOnlyList<RecordedEvent>> Events(RunningSystem system)
    {
        var events = new List<RecordedEvent>();
        for (var partition = 0; partition < (await system.Log.DescribeAsync(Stop)).Partitions; partition++)
        {
            for (long after = 0; await system.Log.ReadAsync(partition, after, 50, Stop) is { Count: > 0 } page; after += page.Count)
            {
                events.AddRange(page.SelectMany(record => record.Events));
            }
        }

        return events;
    }

    private static (string? Kind, string? State, long Lag) Glance(JsonElement function) =>
        (function.GetProperty("kind").GetString(), function.GetProperty("state").GetString(), function.GetProperty("lagEvents").GetInt64());

    private static async Task<JsonElement> Json(HttpClient http, string path, HttpMethod? method = null, HttpStatusCode status = HttpStatusCode.OK)
    {
        using var answer = await http.SendAsync(new HttpRequestMessage(method ?? HttpMethod.Get, path), Stop);
        Assert.Equal((path, status), (path, answer.StatusCode));
        return JsonElement.Parse(await answer.Content.ReadAsByteArrayAsync(Stop));
    }

    private static async Task Order(HttpClient http, string path)
    {
        using var answer = await http.PostAsync(path, null, Stop);
        Assert.Equal((HttpStatusCode.Accepted, path[..path.LastIndexOf('/')]), (answer.StatusCode, answer.Headers.Location?.ToString()));
    }

    private static async Task<(int Status, string Type)> Refusal(HttpClient http, HttpMethod method, string path)
    {
        using var answer = await http.SendAsync(new HttpRequestMessage(method, path), Stop);
        var type = JsonElement.Parse(await answer.Content.ReadAsByteArrayAsync(Stop)).GetProperty("type").GetString()!;
        return ((int)answer.StatusCode, type.Split(':')[^1]);
    }
}
