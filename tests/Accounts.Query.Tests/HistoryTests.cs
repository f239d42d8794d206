using System.Globalization;
using System.Net;
using System.Text.Json;
using Accounts.Contracts;

namespace Accounts.Query.Tests;

/// <summary>Events in both directions and past states, of histories from short to very long.</summary>
public class HistoryTests(QuerySidecar sidecar) : IClassFixture<QuerySidecar>, IAsyncLifetime
{
    private const string Events = "/v1/accounts/123456/events";
    private const int Long = 10_000;
    private readonly ViewPointer _at = new("0123456789abcdef0123456789abcdef", Guid.NewGuid().ToString("N"));
    private readonly SeededViews _views = new(sidecar);

    public async ValueTask InitializeAsync()
    {
        await _views.Forget();
        await _views.Write(RowKeys.PointerTo(Views.History), _at);
    }

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return _views.DisposeAsync();
    }

    [Theory]
    [InlineData(3, "", 1)]
    [InlineData(20, "", 1)]
    [InlineData(100, "", 1)]
    [InlineData(205, "", 3)]
    [InlineData(205, "?limit=500", 1)]
    [InlineData(9, "?limit=1", 9)]
    [InlineData(7, "?limit=3", 3)]
    public async Task Events_come_in_both_directions_page_by_page_until_there_are_no_more(int count, string query, int pages)
    {
        await WriteHistory(count);
        var all = Enumerable.Range(1, count).Select(version => (long)version).ToList();

        var ascending = await Crawl(Events + query);
        var descending = await Crawl($"{Events}?order=desc{query.Replace('?', '&')}");

        Assert.Equal((pages, pages), (ascending.Pages, descending.Pages));
        Assert.Equal(all, ascending.Versions);
        Assert.Equal(Enumerable.Reverse(all), descending.Versions);
    }

    [Theory]
    [InlineData("?after=2&before=6", "3 4 5")]
    [InlineData("?after=2&before=6&limit=2", "3 4 5")]
    [InlineData("?order=desc&after=2&before=6&limit=2", "5 4 3")]
    [InlineData("?order=desc&before=100", "9 8 7 6 5 4 3 2 1")]
    [InlineData("?order=desc&before=3", "2 1")]
    [InlineData("?order=asc&after=7", "8 9")]
    [InlineData("?after=9", "")]
    [InlineData("?order=desc&before=1", "")]
    [InlineData("?after=5&before=5", "")]
    [InlineData("?order=desc&after=9007199254740991", "")]
    public async Task Of_a_history_any_stretch_can_be_read(string query, string versions)
    {
        await WriteHistory(9);

        Assert.Equal(versions, string.Join(' ', (await Crawl(Events + query)).Versions));
        Assert.Equal(HttpStatusCode.NotFound, (await Get($"/v1/accounts/OTHER/events{query}")).StatusCode);
    }

    [Fact]
    public async Task An_account_that_is_shown_has_events_though_the_history_has_not_come_to_them()
    {
        Assert.Equal(HttpStatusCode.NotFound, (await Get(Events)).StatusCode);

        await _views.Write(RowKeys.PointerTo(Views.Account), _at);
        await _views.Write(RowKeys.Account(_at, "123456"), new AccountRow { Version = 1, Position = "0:1", Account = Seed.Account("123456", 1), Commands = [] });

        Assert.Empty((await Crawl(Events)).Versions);
        Assert.Empty((await Crawl($"{Events}?order=desc")).Versions);
    }

    [Theory]
    [InlineData("/events?limit=0")]
    [InlineData("/events?limit=501")]
    [InlineData("/events?limit=x")]
    [InlineData("/events?order=down")]
    [InlineData("/events?before=-1")]
    [InlineData("/events?after=1&after=2")]
    [InlineData("/events?minVersion=x")]
    [InlineData("?version=0")]
    [InlineData("?version=1.0")]
    [InlineData("?version=")]
    [InlineData("?version=1&at=2026-01-01T00:00:00Z")]
    [InlineData("?at=2026-01-01")]
    [InlineData("?at=2026-01-01T00:00:00")]
    [InlineData("?at=2026-13-01T00:00:00Z")]
    [InlineData("?at=now")]
    [InlineData("?minVersion=-1")]
    public async Task What_is_malformed_is_refused(string query) =>
        Assert.Equal(HttpStatusCode.BadRequest, (await Get("/v1/accounts/123456" + query)).StatusCode);

    [Fact]
    public async Task An_account_is_shown_as_it_was_at_any_version()
    {
        await WriteHistory(9);

        var third = await Get("/v1/accounts/123456?version=3");
        Assert.Equal((HttpStatusCode.OK, "\"3\""), (third.StatusCode, third.Headers.ETag!.Tag));
        Assert.True(JsonElement.DeepEquals(
            JsonElement.Parse("""
                {"createdAt":10,"lastModified":13,"userId":7,"accountNumber":"123456","defaultAccount":true,"status":"ACCOUNT_ACTIVE","version":3,
                 "_links":{"self":{"href":"/v1/accounts/123456?version=3"},"events":{"href":"/v1/accounts/123456/events"}}}
                """),
            await Json(third)));
        Assert.Equal(HttpStatusCode.NotModified, (await Get("/v1/accounts/123456?version=3", ("If-None-Match", "\"3\""))).StatusCode);
        Assert.Equal("urn:accounts:problem:unknown-state", await ProblemType(await Get("/v1/accounts/123456?version=10"), 404));
        Assert.Equal("urn:accounts:problem:unknown-account", await ProblemType(await Get("/v1/accounts/OTHER?version=1"), 404));
    }

    [Theory]
    [InlineData("1970-01-01T00:00:00.010Z", 0)]
    [InlineData("1970-01-01T00:00:00.011Z", 1)]
    [InlineData("1970-01-01T00:00:00.0119Z", 1)]
    [InlineData("1970-01-01T01:00:00.012%2B01:00", 2)]
    [InlineData("1969-12-31T23:00:00.018-01:00", 8)]
    [InlineData("1970-01-01T00:00:00.019Z", 9)]
    [InlineData("2026-01-01T00:00:00Z", 9)]
    [InlineData("0001-01-01T00:00:00Z", 0)]
    [InlineData("9999-12-31T23:59:59Z", 9)]
    public async Task An_account_is_shown_as_it_was_at_any_time_that_moment_included(string at, long version)
    {
        await WriteHistory(9);

        var answer = await Get($"/v1/accounts/123456?at={at}");

        Assert.Equal(version == 0 ? HttpStatusCode.NotFound : HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(version == 0 ? null : $"\"{version}\"", answer.Headers.ETag?.Tag);
    }

    [Fact]
    public async Task The_past_of_an_account_with_10_000_events_costs_a_few_reads()
    {
        await WriteHistory(Long);
        await Get("/v1/accounts/123456?version=1");

        foreach (var version in (int[])[1, 2, 8, 9, 4_095, 4_096, 6_543, 8_191, 9_999, Long])
        {
            var at = DateTimeOffset.FromUnixTimeMilliseconds(10 + version).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
            Assert.InRange(await _views.Calls(async () => Assert.Equal($"\"{version}\"", (await Get($"/v1/accounts/123456?at={at}")).Headers.ETag?.Tag)), 1, 6);
        }

        Assert.InRange(await _views.Calls(async () => Assert.Equal(HttpStatusCode.OK, (await Get("/v1/accounts/123456?version=7000")).StatusCode)), 1, 2);
        Assert.InRange(await _views.Calls(async () => Assert.Equal(Long, (await Json(await Get($"{Events}?order=desc"))).GetProperty("items")[0].GetProperty("version").GetInt64())), 1, 8);
    }

    [Fact]
    public async Task A_version_that_is_not_there_yet_is_waited_for_as_long_as_the_client_likes()
    {
        await WriteHistory(2);

        foreach (var path in (string[])[Events, "/v1/accounts/123456?version=1"])
        {
            var refused = await Get(path, ("Min-Version", "3"));
            Assert.Equal("urn:accounts:problem:not-yet", await ProblemType(refused, 503));
            Assert.Equal(2, (await Json(refused)).GetProperty("version").GetInt64());
            Assert.NotNull(refused.Headers.RetryAfter);
            Assert.False(refused.Headers.Contains("Preference-Applied"));
        }

        var waiting = Get(Events, ("Min-Version", "3"), ("Prefer", "respond-async, wait=10"));
        await Get(Events);
        Assert.False(waiting.IsCompleted);
        await _views.Write([Seed.Event(_at, "123456", 3)]);
        var shown = await waiting;
        Assert.Equal(("wait=10", 3), (shown.Headers.GetValues("Preference-Applied").Single(), (await Json(shown)).GetProperty("items").GetArrayLength()));
    }

    [Fact]
    public async Task An_account_is_shown_at_the_version_that_the_client_has_been_given_or_not_at_all()
    {
        await _views.Write(RowKeys.PointerTo(Views.Account), _at);

        foreach (var path in (string[])["/v1/accounts/123456", "/v1/accounts/123456/commands"])
        {
            await WriteRow(3);
            Assert.Equal(HttpStatusCode.OK, (await Get(path, ("Min-Version", "3"))).StatusCode);
            Assert.Equal(HttpStatusCode.OK, (await Get(path + "?minVersion=2")).StatusCode);
            var refused = await Get(path + "?minVersion=4");
            Assert.Equal(("urn:accounts:problem:not-yet", 3L), (await ProblemType(refused, 503), (await Json(refused)).GetProperty("version").GetInt64()));
            Assert.Equal(0, (await Json(await Get(path.Replace("123456", "OTHER", StringComparison.Ordinal), ("Min-Version", "1")))).GetProperty("version").GetInt64());

            var waiting = Get(path, ("Min-Version", "4"), ("Prefer", "wait=5"));
            await WriteRow(4);
            Assert.Equal("\"4\"", (await waiting).Headers.ETag?.Tag);

            var begun = TimeProvider.System.GetTimestamp();
            Assert.Equal(HttpStatusCode.ServiceUnavailable, (await Get(path, ("Min-Version", "5"), ("Prefer", "wait=1"))).StatusCode);
            Assert.InRange(TimeProvider.System.GetElapsedTime(begun), TimeSpan.FromSeconds(0.9), TimeSpan.FromSeconds(4));
        }

        foreach (var (name, value) in ((string, string)[])[("Prefer", "wait=11"), ("Prefer", "wait=x"), ("Prefer", "wait"), ("Min-Version", "x"), ("Min-Version", "\"3\"")])
        {
            Assert.Equal(HttpStatusCode.BadRequest, (await Get("/v1/accounts/123456", (name, value))).StatusCode);
        }
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private Task WriteHistory(int count) => _views.Write(Enumerable.Range(1, count).Select(version => Seed.Event(_at, "123456", version)));

    private Task WriteRow(long version) => _views.Write(
        RowKeys.Account(_at, "123456"),
        JsonSerializer.SerializeToElement(
            new AccountRow { Version = version, Account = Seed.Account("123456", version), Commands = [], Position = "4:118" }, ContractsJson.Default.AccountRow));

    private async Task<(int Pages, List<long> Versions)> Crawl(string path)
    {
        var (pages, versions) = (0, new List<long>());
        for (var next = path; next is not null; pages++)
        {
            var answer = await Get(next);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            versions.AddRange((await Json(answer)).GetProperty("items").EnumerateArray().Select(item => item.GetProperty("version").GetInt64()));
            next = answer.Headers.TryGetValues("Link", out var links) ? links.Single().Split('<', '>')[1] : null;
            Assert.EndsWith(next is null ? "" : "rel=\"next\"", links?.Single() ?? "", StringComparison.Ordinal);
        }

        return (pages, versions);
    }

    private async Task<HttpResponseMessage> Get(string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return await _views.Client.SendAsync(request, Stop);
    }

    private static async Task<string?> ProblemType(HttpResponseMessage answer, int status)
    {
        Assert.Equal(status, (int)answer.StatusCode);
        return (await Json(answer)).GetProperty("type").GetString();
    }

    private static async Task<JsonElement> Json(HttpResponseMessage answer) => JsonElement.Parse(await answer.Content.ReadAsStringAsync(Stop));
}
