using System.Net;
using System.Text.Json;
using Accounts.Contracts;
using TestSupport;

namespace Accounts.Query.Tests;

/// <summary>Answers from rows in a real store behind a real sidecar. Each test has views of its own.</summary>
public class ViewTests(QuerySidecar sidecar) : IClassFixture<QuerySidecar>, IAsyncLifetime
{
    private readonly ViewPointer _first = new("0123456789abcdef0123456789abcdef", Guid.NewGuid().ToString("N"));
    private readonly SeededViews _views = new(sidecar);

    public async ValueTask InitializeAsync() => await _views.Forget();

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return _views.DisposeAsync();
    }

    [Fact]
    public async Task An_account_is_shown_from_its_row_in_the_generation_that_the_pointer_names()
    {
        Assert.Equal(HttpStatusCode.NotFound, (await Get("/v1/accounts/123456")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await Get("/v1/accounts/123456/events")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await Get("/healthz/ready")).StatusCode);

        await WriteAccount(_first, "123456", 3, "suspend", "archive");
        Assert.Equal(HttpStatusCode.NotFound, (await Get("/v1/accounts/123456")).StatusCode);

        await _views.Write(RowKeys.PointerTo(Views.Account), _first);
        var answer = await Get("/v1/accounts/123456");
        Assert.Equal((HttpStatusCode.OK, "\"3\"", "4:118"), (answer.StatusCode, answer.Headers.ETag!.Tag, answer.Headers.GetValues("Account-Position").Single()));
        Assert.True(JsonElement.DeepEquals(
            JsonElement.Parse("""
                {"createdAt":10,"lastModified":13,"userId":7,"accountNumber":"123456","defaultAccount":true,"status":"ACCOUNT_ACTIVE","version":3,
                 "_links":{
                   "self":{"href":"/v1/accounts/123456"},
                   "events":{"href":"/v1/accounts/123456/events"},
                   "suspend":{"href":"https://commands.example/v1/accounts/123456/commands/suspend"},
                   "archive":{"href":"https://commands.example/v1/accounts/123456/commands/archive"}}}
                """),
            await Json(answer)));

        var second = _first with { Generation = "later" };
        await WriteAccount(second, "123456", 4);
        await _views.Write(RowKeys.PointerTo(Views.Account), second);
        await Eventually.True(
            async () => (await Get("/v1/accounts/123456")).Headers.ETag?.Tag == "\"4\"", "the new generation is shown", TimeSpan.FromSeconds(2));
    }

    [Fact]
    public async Task While_another_generation_takes_over_nobody_is_shown_the_old_rows_after_it()
    {
        var second = _first with { Generation = "later" };
        await WriteAccount(_first, "123456", 3);
        await WriteAccount(second, "123456", 4);
        await _views.Write(RowKeys.PointerTo(Views.Account), new PointerRow(_first.LogId, _first.Generation, Changing: true));
        Assert.Equal("\"3\"", (await Get("/v1/accounts/123456")).Headers.ETag!.Tag);

        for (var i = 0; i < 5; i++)
        {
            await _views.Write(RowKeys.PointerTo(Views.Account), new PointerRow(_first.LogId, second.Generation, Changing: true));
            Assert.Equal("\"4\"", (await Get("/v1/accounts/123456")).Headers.ETag!.Tag);
            await _views.Write(RowKeys.PointerTo(Views.Account), new PointerRow(_first.LogId, _first.Generation, Changing: true));
            Assert.Equal("\"3\"", (await Get("/v1/accounts/123456")).Headers.ETag!.Tag);
        }
    }

    [Fact]
    public async Task A_client_that_knows_the_version_is_told_just_that()
    {
        await _views.Write(RowKeys.PointerTo(Views.Account), _first);
        await WriteAccount(_first, "123456", 3);

        foreach (var known in (string[])["\"3\"", "W/\"3\"", "*", "\"1\", \"3\""])
        {
            var same = await Get("/v1/accounts/123456", known);
            Assert.Equal((HttpStatusCode.NotModified, "\"3\"", 0), (same.StatusCode, same.Headers.ETag!.Tag, (await same.Content.ReadAsByteArrayAsync(Stop)).Length));
        }

        Assert.Equal(HttpStatusCode.OK, (await Get("/v1/accounts/123456", "\"2\"")).StatusCode);
    }

    [Fact]
    public async Task An_account_of_which_the_view_lacks_an_event_is_not_shown_as_if_nothing_were_amiss()
    {
        await _views.Write(RowKeys.PointerTo(Views.Account), _first);
        await WriteAccount(_first, "123456", 3);
        await WriteHeld("CREATED", HeldStates.Parked);
        await WriteHeld("RELEASED", HeldStates.Released);
        await _views.Write(RowKeys.Account(_first, "HELD"), Row("HELD", 3) with { Held = true });

        foreach (var path in (string[])["/v1/accounts/HELD", "/v1/accounts/HELD/commands", "/v1/accounts/CREATED"])
        {
            var answer = await Get(path);
            Assert.Equal((HttpStatusCode.ServiceUnavailable, 60), (answer.StatusCode, (int)answer.Headers.RetryAfter!.Delta!.Value.TotalSeconds));
            Assert.Equal("urn:accounts:problem:account-held", (await Json(answer)).GetProperty("type").GetString());
        }

        Assert.Equal(HttpStatusCode.NotFound, (await Get("/v1/accounts/RELEASED")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await Get("/v1/accounts/123456")).StatusCode);

        Task WriteHeld(string number, string state) => _views.Write([Seed.Held(_first, Views.Account, number, 1, state)]);
    }

    [Theory]
    [InlineData("123456?at=2026-01-01T00:00:00Z", 503)]
    [InlineData("123456?at=1970-01-01T00:00:00.013Z", 503)]
    [InlineData("123456?at=1970-01-01T00:00:00.012Z", 200)]
    [InlineData("123456?version=3", 200)]
    [InlineData("123456?version=4", 503)]
    [InlineData("123456?version=1&minVersion=4", 503)]
    [InlineData("123456/events", 503)]
    [InlineData("123456/events?minVersion=4", 503)]
    [InlineData("123456/events?order=desc", 503)]
    [InlineData("123456/events?order=desc&before=4", 200)]
    [InlineData("123456/events?before=4", 200)]
    [InlineData("123456/events?limit=2", 200)]
    [InlineData("123456/events?limit=3", 503)]
    [InlineData("123456/stream", 503)]
    [InlineData("CREATED/events", 503)]
    [InlineData("CREATED?version=1", 503)]
    [InlineData("RELEASED/events", 200)]
    [InlineData("RELEASED?at=2026-01-01T00:00:00Z", 200)]
    [InlineData("RELEASED?version=2", 404)]
    [InlineData("RETRYING?version=2", 404)]
    public async Task Where_a_history_ends_because_the_view_lacks_an_event_nobody_is_told_that_it_is_the_end(string path, int status)
    {
        await _views.Write([.. Seed.Checkpoints(_first, 1)]);
        await _views.Write(RowKeys.PointerTo(Views.History), _first);
        await _views.Write([
            Seed.Event(_first, "123456", 1), Seed.Event(_first, "123456", 2), Seed.Event(_first, "123456", 3),
            Seed.Event(_first, "RELEASED", 1), Seed.Event(_first, "RETRYING", 1)]);
        await _views.Write([
            Seed.Held(_first, Views.History, "123456", 4), Seed.Held(_first, Views.History, "CREATED", 1),
            Seed.Held(_first, Views.History, "RELEASED", 1, HeldStates.Released), Seed.Held(_first, Views.History, "RETRYING", 2, HeldStates.Retrying)]);

        using var answer = await _views.Client.GetAsync($"/v1/accounts/{path}", HttpCompletionOption.ResponseHeadersRead, Stop);

        Assert.Equal(status, (int)answer.StatusCode);
        if (status == 503)
        {
            Assert.Equal(60, answer.Headers.RetryAfter!.Delta!.Value.TotalSeconds);
            Assert.Equal("urn:accounts:problem:account-held", (await Json(answer)).GetProperty("type").GetString());
        }
    }

    [Fact]
    public async Task Where_GET_is_HEAD_is_too_without_a_body()
    {
        await _views.Write(RowKeys.PointerTo(Views.Account), _first);
        await WriteAccount(_first, "123456", 3);

        using var answer = await _views.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, "/v1/accounts/123456"), Stop);

        Assert.Equal((HttpStatusCode.OK, "\"3\""), (answer.StatusCode, answer.Headers.ETag!.Tag));
        Assert.Empty(await answer.Content.ReadAsByteArrayAsync(Stop));
    }

    [Fact]
    public async Task Offered_are_just_the_commands_of_the_row()
    {
        await _views.Write(RowKeys.PointerTo(Views.Account), _first);
        await WriteAccount(_first, "123456", 3, "suspend");

        Assert.Equal(
            """{"_links":{"suspend":{"href":"https://commands.example/v1/accounts/123456/commands/suspend"}}}""",
            (await Json(await Get("/v1/accounts/123456/commands"))).GetRawText());
    }

    [Fact]
    public async Task An_event_is_flat_and_carries_the_account_after_it()
    {
        await _views.Write(RowKeys.PointerTo(Views.History), _first);
        await WriteEvent(1);

        var item = (await Json(await Get("/v1/accounts/123456/events"))).GetProperty("items")[0];

        Assert.True(JsonElement.DeepEquals(
            JsonElement.Parse("""
                {"type":"ACCOUNT_SUSPENDED","version":1,"eventId":"e-1","createdAt":11,"lastModified":11,"accountNumber":"123456","reason":"x","correlationId":"c",
                 "account":{"createdAt":10,"lastModified":11,"userId":7,"accountNumber":"123456","defaultAccount":true,"status":"ACCOUNT_ACTIVE","version":1}}
                """),
            item), item.GetRawText());
    }

    [Theory]
    [InlineData("false", false)]
    [InlineData("true", true)]
    public async Task Where_bulk_reads_may_answer_from_the_past_none_is_made(string setting, bool bulk)
    {
        await _views.Write([.. Seed.Checkpoints(_first, 2), .. Seed.Checkpoints(_first, Views.Index, 2)]);
        await _views.Write([Seed.Event(_first, "123456", 1), Seed.Event(_first, "123456", 2)]);
        await _views.Write([Seed.Record(_first, 0, 1, Seed.Item("123456", 1), Seed.Item("123456", 2))]);
        await _views.Write([(RowKeys.PointerTo(Views.History), _first), (RowKeys.PointerTo(Views.Index), _first)]);
        await using var views = new SeededViews(sidecar, new Dictionary<string, string> { ["State:BulkReads"] = setting });

        var methods = await views.Methods(async () =>
        {
            Assert.Equal(2, (await Items("/v1/accounts/123456/events")).GetArrayLength());
            Assert.Equal(2, (await Items("/v1/events?minPosition=0:2")).GetArrayLength());
            Assert.Equal(0, (await Items("/v1/accounts?minPosition=0:2")).GetArrayLength());
            using var past = await views.Client.GetAsync("/v1/accounts/123456?at=2026-01-01T00:00:00Z", Stop);
            Assert.Equal("\"2\"", past.Headers.ETag?.Tag);
            using var stream = await EventStreamReader.OpenAsync(views.Client, "/v1/accounts/stream?userId=7&after=01234567-0", null, Stop);
            await stream.TakeAsync(2);
        });

        Assert.Contains("GetState", methods);
        Assert.Equal(bulk, methods.Contains("GetBulkState"));

        async Task<JsonElement> Items(string path) => JsonElement.Parse(await views.Client.GetStringAsync(path, Stop)).GetProperty("items");
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private async Task<HttpResponseMessage> Get(string path, string? known = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (known is not null)
        {
            request.Headers.TryAddWithoutValidation("If-None-Match", known);
        }

        return await _views.Client.SendAsync(request, Stop);
    }

    private static async Task<JsonElement> Json(HttpResponseMessage answer) => JsonElement.Parse(await answer.Content.ReadAsStringAsync(Stop));

    private Task WriteAccount(ViewPointer at, string number, long version, params string[] commands) => _views.Write(
        RowKeys.Account(at, number),
        JsonSerializer.SerializeToElement(Row(number, version, commands), ContractsJson.Default.AccountRow));

    private static AccountRow Row(string number, long version, params string[] commands) =>
        new() { Version = version, Account = Seed.Account(number, version), Commands = commands, Position = "4:118" };

    private Task WriteEvent(long version) => _views.Write([Seed.Event(_first, "123456", version)]);
}
