using System.Net;
using System.Text.Json;
using Accounts.Contracts;

namespace Accounts.Query.Tests;

/// <summary>All events of all accounts.</summary>
public class FeedTests(QuerySidecar sidecar) : IClassFixture<QuerySidecar>, IAsyncLifetime
{
    private const int Records = 150;
    private readonly ViewPointer _at = new("0123456789abcdef0123456789abcdef", Guid.NewGuid().ToString("N"));
    private readonly SeededViews _views = new(sidecar);

    public async ValueTask InitializeAsync() => await _views.Forget();

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return _views.DisposeAsync();
    }

    [Theory]
    [InlineData("?limit=1")]
    [InlineData("?limit=7")]
    [InlineData("")]
    [InlineData("?limit=500")]
    public async Task Every_event_comes_once_and_those_of_an_account_in_order_whatever_the_size_of_the_pages(string query)
    {
        Assert.Equal("""{"items":[]}""", (await Json(await Get($"/v1/events{query}"))).GetRawText());
        var written = await WriteLog();

        var (seen, next) = await Crawl($"/v1/events{query}");
        Assert.Equal(written.Order(), seen.Order());
        AssertOrdered(seen);
        Assert.Equal((0, false), await Count($"/v1/events?after={next}"));

        // What comes later comes after the places where the reader was.
        await _views.Write([Seed.Record(_at, 1, Records + 1), Seed.Record(_at, 1, Records + 2, Seed.Item("LATER", 1)), Seed.Record(_at, 2, Records + 2, Seed.Item("TOO-EARLY", 1))]);
        var (later, end) = await Crawl($"/v1/events?after={next}");
        Assert.Equal(["LATER.1"], later);
        await _views.Write([Seed.Record(_at, 2, Records + 1, Seed.Item("LAST", 1), Seed.Item("LAST", 2))]);
        Assert.Equal(["LAST.1", "LAST.2", "TOO-EARLY.1"], (await Crawl($"/v1/events?after={end}")).Seen);
    }

    [Theory]
    [InlineData("?limit=0")]
    [InlineData("?limit=501")]
    [InlineData("?limit=")]
    [InlineData("?after=")]
    [InlineData("?after=3")]
    [InlineData("?after=01234567-1.2")]
    [InlineData("?after=01234567-1.2.3.4")]
    [InlineData("?after=01234567-1.2.x")]
    [InlineData("?after=01234567-1.2.-3")]
    [InlineData("?after=01234567-01.2.3")]
    [InlineData("?after=01234567-1_0.2.3")]
    [InlineData("?after=89abcdef-1.2.3")]
    [InlineData("?after=01234567-1.2.99999999999999999999")]
    [InlineData("?minPosition=1")]
    [InlineData("?minPosition=1:x")]
    [InlineData("?minPosition=3:1")]
    [InlineData("?minPosition=-1:1")]
    public async Task What_is_malformed_is_refused(string query)
    {
        await WriteLog(records: 0);

        Assert.Equal(HttpStatusCode.BadRequest, (await Get("/v1/events" + query)).StatusCode);
    }

    [Fact]
    public async Task However_long_nothing_happened_a_page_costs_some_reads_and_leads_on()
    {
        await WriteLog(records: 0);
        const int Empty = 2_000;
        await _views.Write(Enumerable.Range(1, Empty).Select(position => Seed.Record(_at, 0, position))
            .Append(Seed.Record(_at, 0, Empty + 1, Seed.Item("A", 1))));

        Assert.InRange(await _views.Calls(async () => Assert.Equal((0, true), await Count("/v1/events"))), 1, 40);

        Assert.Equal(["A.1"], (await Crawl("/v1/events")).Seen);
    }

    [Fact]
    public async Task The_places_of_1024_partitions_can_be_sent()
    {
        await _views.Write(Seed.Checkpoints(_at, [.. Enumerable.Repeat(0L, 1_024)]));
        await _views.Write(RowKeys.PointerTo(Views.History), _at);
        var after = $"01234567-{string.Join('.', Enumerable.Repeat("1234567890123456", 1_024))}";

        var answer = await Get($"/v1/events?after={after}");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(after, (await Json(answer)).GetProperty("next").GetString());
    }

    [Fact]
    public async Task A_list_waits_until_its_view_has_come_to_the_positions_that_the_client_knows()
    {
        await WriteLog(records: 0);
        await _views.Write(Seed.Checkpoints(_at, 7, 9, 0));

        Assert.Equal(HttpStatusCode.OK, (await Get("/v1/events", ("Min-Position", "0:7, 1:9"))).StatusCode);
        var behind = await Get("/v1/events?minPosition=1:10,0:8,2:0");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, behind.StatusCode);
        Assert.NotNull(behind.Headers.RetryAfter);
        var problem = await Json(behind);
        Assert.Equal(("urn:accounts:problem:not-yet", "1:9, 0:7"), (problem.GetProperty("type").GetString(), problem.GetProperty("position").GetString()));

        var waiting = Get("/v1/events", ("Min-Position", "1:10"), ("Prefer", "wait=10"));
        await Get("/v1/events");
        Assert.False(waiting.IsCompleted);
        await _views.Write(Seed.Checkpoints(_at, 7, 10, 0));
        var shown = await waiting;
        Assert.Equal((HttpStatusCode.OK, "wait=10"), (shown.StatusCode, shown.Headers.GetValues("Preference-Applied").Single()));
    }

    /// <summary>Three partitions with records, of which some have no events and some many, of 20 accounts.</summary>
    private async Task<List<string>> WriteLog(int records = Records)
    {
        await _views.Write(Seed.Checkpoints(_at, 0, 0, 0));
        await _views.Write(RowKeys.PointerTo(Views.History), _at);
        var random = new Random(4);
        var versions = new int[20];
        var (written, rows) = (new List<string>(), new List<(string, JsonElement)>());
        for (var (partition, position) = (0, 1); records > 0 && partition < 3; (partition, position) = position < records ? (partition, position + 1) : (partition + 1, 1))
        {
            var items = new List<AccountEventBody>();
            for (var count = position % 50 == 0 ? 30 : random.Next(2); count > 0; count--)
            {
                var account = (random.Next(6) * 3) + partition;
                items.Add(Seed.Item($"A-{account}", ++versions[account]));
                written.Add($"A-{account}.{versions[account]}");
            }

            rows.Add(Seed.Record(_at, partition, position, items));
        }

        await _views.Write(rows);
        return written;
    }

    private static void AssertOrdered(IEnumerable<string> seen)
    {
        foreach (var account in seen.Select(place => place.Split('.')).GroupBy(parts => parts[0]))
        {
            Assert.Equal(Enumerable.Range(1, account.Count()), account.Select(parts => int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture)));
        }
    }

    private async Task<(List<string> Seen, string Next)> Crawl(string path)
    {
        var seen = new List<string>();
        while (true)
        {
            var answer = await Get(path);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            var page = await Json(answer);
            seen.AddRange(page.GetProperty("items").EnumerateArray().Select(item => $"{item.GetProperty("accountNumber").GetString()}.{item.GetProperty("version").GetInt64()}"));
            if (!answer.Headers.TryGetValues("Link", out var links))
            {
                return (seen, page.GetProperty("next").GetString()!);
            }

            path = links.Single().Split('<', '>')[1];
        }
    }

    private async Task<(int Items, bool More)> Count(string path)
    {
        var answer = await Get(path);
        return ((await Json(answer)).GetProperty("items").GetArrayLength(), answer.Headers.Contains("Link"));
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private async Task<HttpResponseMessage> Get(string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return await _views.Client.SendAsync(request, Stop);
    }

    private static async Task<JsonElement> Json(HttpResponseMessage answer) => JsonElement.Parse(await answer.Content.ReadAsStringAsync(Stop));
}
