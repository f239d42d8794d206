using System.Net;
using System.Text.Json;
using Accounts.Processor.Tests.RealProcesses;
using TestSupport;

namespace Accounts.Processor.Tests;

/// <summary>What operators see and order, over HTTP, of a processor that runs.</summary>
public class OperationsTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Operators_see_pause_rebuild_verify_and_roll_back_by_HTTP_and_nothing_is_restarted()
    {
        await using var system = await RunningSystem.Start(processors: 2);
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
        await Order(other, "/v1/functions/account/rebuild");
        Assert.Equal((409, "function-conflict"), await Refusal(one, HttpMethod.Post, "/v1/functions/account/rebuild"));
        await Eventually.Holds(
            async () =>
            {
                var generations = (await Json(one, "/v1/functions/account")).GetProperty("generations").EnumerateArray().ToList();
                Assert.Equal(["1 kept", "2 live"], generations.Select(generation => $"{generation.GetProperty("id")} {generation.GetProperty("state")}"));
                Assert.Equal(generations[1].GetProperty("eventsOf").GetInt64(), generations[1].GetProperty("eventsDone").GetInt64());
            },
            TimeSpan.FromSeconds(30));
        var verification = (await Json(one, "/v1/functions/history")).GetProperty("verification");
        Assert.Equal(("done", 0), (verification.GetProperty("state").GetString(), verification.GetProperty("broken").GetInt32()));
        Assert.True(verification.GetProperty("rows").GetInt32() >= 9);
        await Order(one, "/v1/functions/account/rollback");
        await Eventually.Holds(
            async () => Assert.Equal("running", (await Json(other, "/v1/functions/account")).GetProperty("state").GetString()), TimeSpan.FromSeconds(30));
        await Order(one, "/v1/functions/account/drop");
    }

    private static (string? Kind, string? State, long Lag) Glance(JsonElement function) =>
        (function.GetProperty("kind").GetString(), function.GetProperty("state").GetString(), function.GetProperty("lagEvents").GetInt64());

    private static async Task<JsonElement> Json(HttpClient http, string path)
    {
        using var answer = await http.GetAsync(path, Stop);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
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
