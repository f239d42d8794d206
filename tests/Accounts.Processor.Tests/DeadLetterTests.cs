using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Accounts.Contracts;
using Accounts.Processor.Parking;
using Accounts.Processor.Tests.InProcess;
using Accounts.Processor.Tests.RealProcesses;
using Accounts.Processor.Users;
using Microsoft.AspNetCore.Http;
using TestSupport;

namespace Accounts.Processor.Tests;

/// <summary>Messages of other microservices that cannot be taken are kept for operators.</summary>
public class DeadLetterTests
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UnixEpoch;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_could_not_be_taken_is_listed_and_replayed_when_its_cause_is_gone_and_what_is_no_message_is_discarded()
    {
        var wrong = true;
        using var commands = new HttpClient();
        Uri? commandService = null;

        // It stands before the command service, and calls what archives wrong for as long as the test wants.
        await using var other = await RecordingApp.StartAsync(subscriptions: null, config: null, async (asked, http) =>
        {
            if (Volatile.Read(ref wrong) && asked.Path.EndsWith("/archive", StringComparison.Ordinal))
            {
                http.Response.StatusCode = 400;
                return;
            }

            using var request = new HttpRequestMessage(new HttpMethod(asked.Method), new Uri(commandService!, asked.Path))
            {
                Content = new StringContent(asked.Body, Encoding.UTF8, "application/json"),
            };
            request.Headers.Add(AccountHeaders.IdempotencyKey, asked.Headers[AccountHeaders.IdempotencyKey]);
            using var answer = await commands.SendAsync(request, Stop);
            http.Response.StatusCode = (int)answer.StatusCode;
            http.Response.ContentType = answer.Content.Headers.ContentType?.ToString();
            await http.Response.WriteAsync(await answer.Content.ReadAsStringAsync(Stop), Stop);
        });
        await using var system = await RunningSystem.Start(processors: 1, subscriber: other);
        commandService = system.Commands.BaseAddress;
        system.StartProcessor(1, ("CommandAppId", "subscriber"));
        await system.ProcessorReady(1);
        await system.ComesAlive("A-1", TimeSpan.FromSeconds(10));
        using var sidecar = new HttpClient { BaseAddress = system.Sidecar("subscriber") };
        using var operators = new HttpClient { BaseAddress = system.Processor(1) };
        Assert.Empty((await Json(operators, HttpMethod.Get, "/v1/dead-letters")).GetProperty("items").EnumerateArray());

        // A sidecar asks for subscriptions when its app answers; until then a message of this broker reaches nobody.
        await Eventually.Holds(
            async () =>
            {
                await Publish(sidecar, """{"specversion":"1.0","id":"m-0","source":"users","type":"user.deleted"}""");
                Assert.Equal(["m-0"], (await Letters(operators)).Keys);
            },
            TimeSpan.FromSeconds(20));
        await Publish(sidecar, """{"specversion":"1.0","id":"m-1","source":"users","type":"user.deleted","data":{"userId":1}}""");
        await Publish(sidecar, """{"specversion":"1.0","id":"m-2","source":"users","type":"user.deleted","data":{"userId":"one"}}""");
        await Eventually.Holds(async () => Assert.Equal(["m-0", "m-1", "m-2"], (await Letters(operators)).Keys.Order(StringComparer.Ordinal)));
        var letters = await Letters(operators);
        Assert.Equal("Command archive was answered 400.", letters["m-1"].GetProperty("reason").GetString());
        Assert.Equal("It is no CloudEvent with id and type, or not what its type says.", letters["m-2"].GetProperty("reason").GetString());
        var (one, two) = ($"/v1/dead-letters/{letters["m-1"].GetProperty("id")}", $"/v1/dead-letters/{letters["m-2"].GetProperty("id")}");
        Assert.Contains("\"userId\":\"one\"", (await Json(operators, HttpMethod.Get, two)).GetProperty("message").GetString(), StringComparison.Ordinal);

        // What fails again stays.
        Assert.Equal("replay", (await Json(operators, HttpMethod.Post, $"{one}/replay", 202)).GetProperty("requested").GetString());
        await Eventually.Holds(async () =>
        {
            var letter = await Json(operators, HttpMethod.Get, one);
            Assert.True(!letter.TryGetProperty("requested", out _) && letter.GetProperty("deaths").GetInt32() >= 2);
        });
        Volatile.Write(ref wrong, false);
        await Json(operators, HttpMethod.Post, $"{one}/replay", 202);
        await Eventually.Holds(async () => Assert.Equal(["m-0", "m-2"], (await Letters(operators)).Keys.Order(StringComparer.Ordinal)));
        var account = JsonElement.Parse(await system.Commands.GetByteArrayAsync("/v1/accounts/A-1/commands", Stop));
        Assert.Contains("activate", account.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("/archive", account.ToString(), StringComparison.Ordinal);

        Assert.Equal("m-2", (await Json(operators, HttpMethod.Post, $"{two}/discard")).GetProperty("messageId").GetString());
        Assert.Equal(["m-0"], (await Letters(operators)).Keys);
        (HttpMethod, string)[] gone =
            [(HttpMethod.Get, two), (HttpMethod.Post, $"{two}/discard"), (HttpMethod.Post, $"{one}/replay"), (HttpMethod.Get, "/v1/dead-letters/none")];
        foreach (var (method, path) in gone)
        {
            Assert.EndsWith("unknown-dead-letter", (await Json(operators, method, path, 404)).GetProperty("type").GetString(), StringComparison.Ordinal);
        }

        await Json(operators, HttpMethod.Get, "/v1/dead-letters?cursor=x", 400);
        await Json(operators, HttpMethod.Get, "/v1/dead-letters?limit=0", 400);
    }

    [Fact]
    public async Task A_letter_is_kept_once_and_what_is_dead_again_is_listed_again()
    {
        var store = new SimulatedStore();
        var letters = new DeadLetters("0123abcd", store);
        store.AfterWrite = _ =>
        {
            store.AfterWrite = _ => { };
            throw new IOException("the answer is lost");
        };
        await Assert.ThrowsAsync<IOException>(() => Keep(letters, "{}", "m"));
        Assert.Empty(await letters.ListAsync(null, 10, Stop));

        await Keep(letters, "{}", "m");
        await Keep(letters, "{}", "m");
        await Keep(letters, "nonsense", null);
        await Keep(letters, "nonsense", null);

        var found = await letters.ListAsync(null, 10, Stop);
        Assert.Equal(["m", null], found.Select(row => row.MessageId).OrderDescending());
        Assert.Equal([found[1]], await letters.ListAsync(found[0].Id, 10, Stop));
        var id = found.Single(row => row.MessageId is not null).Id;
        await letters.ChangeAsync(id, DeadLetters.Released, Stop);
        Assert.Null(await letters.FindAsync(id, Stop));
        await Keep(letters, "{}", "m");
        Assert.Equal(2, (await letters.FindAsync(id, Stop))!.Deaths);
    }

    [Fact]
    public async Task There_is_room_for_a_thousand_and_none_of_them_is_large()
    {
        var store = new SimulatedStore();
        var letters = new DeadLetters("0123abcd", store);
        await Keep(letters, new string('x', 5_000_000), "large");
        for (var i = 1; i < HeldListRow.Pages * HeldDirectory.AccountsPerPage; i++)
        {
            await Keep(letters, "{}", $"m-{i}");
        }

        await Assert.ThrowsAsync<TooManyHeldException>(() => Keep(letters, "{}", "one too many"));

        var found = await letters.ListAsync(null, 2_000, Stop);
        Assert.Equal(1_000, found.Count);
        Assert.False(found.Single(row => row.MessageId == "large").Whole);
        Assert.All(store.Values.Values, value => Assert.True(value.Length < 40_000));
        await letters.ChangeAsync(found[0].Id, DeadLetters.Released, Stop);
        await Keep(letters, "{}", "one too many");
    }

    private static Task Keep(DeadLetters letters, string message, string? id) => letters.KeepAsync(Encoding.UTF8.GetBytes(message), id, "because", Now, Stop);

    private static async Task<Dictionary<string, JsonElement>> Letters(HttpClient operators) =>
        (await Json(operators, HttpMethod.Get, "/v1/dead-letters")).GetProperty("items").EnumerateArray()
            .ToDictionary(item => item.GetProperty("messageId").GetString()!);

    private static async Task<JsonElement> Json(HttpClient http, HttpMethod method, string path, int status = 200)
    {
        using var answer = await http.SendAsync(new HttpRequestMessage(method, path), Stop);
        Assert.Equal((path, (HttpStatusCode)status), (path, answer.StatusCode));
        return JsonElement.Parse(await answer.Content.ReadAsByteArrayAsync(Stop));
    }

    private static async Task Publish(HttpClient sidecar, string message)
    {
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(message));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/cloudevents+json");
        using var answer = await sidecar.PostAsync($"/v1.0/publish/{Components.Events}/{Topics.UserEvents}", content, Stop);
        answer.EnsureSuccessStatusCode();
    }
}
