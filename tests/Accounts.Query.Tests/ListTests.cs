using System.Net;
using System.Text.Json;
using Accounts.Contracts;
using Accounts.Query.Lists;

namespace Accounts.Query.Tests;

/// <summary>Lists and counts over HTTP, from rows in a real store behind a real sidecar. That the rows are right is the processor's business.</summary>
public class ListTests(QuerySidecar sidecar) : IClassFixture<QuerySidecar>, IAsyncLifetime
{
    private readonly ViewPointer _at = new("0123456789abcdef0123456789abcdef", Guid.NewGuid().ToString("N"));
    private readonly SeededViews _views = new(sidecar);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>Two partitions: 1, 3 and 5 of user 7 in one, 2 and 4 of user 8 in the other, created in the order of their numbers.</summary>
    public async ValueTask InitializeAsync()
    {
        await _views.Forget();
        await _views.Write([
            (new IndexTree(0).Key(_at, IndexTree.Top), Row(An(1, 7), An(3, 7, "ACCOUNT_SUSPENDED"), An(5, 7))),
            (new IndexTree(1).Key(_at, IndexTree.Top), Row(An(2, 8), An(4, 8))),
            (new IndexTree(0, 7).Key(_at, IndexTree.Top), Row(An(1, 7, since: 20), An(3, 7, "ACCOUNT_SUSPENDED", since: 30), An(5, 7))),
        ]);
        await _views.Write([(RowKeys.Checkpoint(_at, Views.Index, 0), new CheckpointRow(3)), (RowKeys.Checkpoint(_at, Views.Index, 1), new CheckpointRow(2))]);
        await _views.Write(RowKeys.PointerTo(Views.Index), _at);
    }

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return _views.DisposeAsync();
    }

    [Theory]
    [InlineData("", "1 2 3 4 5")]
    [InlineData("?sort=createdAt&limit=2", "1 2 3 4 5")]
    [InlineData("?sort=-createdAt&limit=1", "5 4 3 2 1")]
    [InlineData("?status=ACCOUNT_SUSPENDED", "3")]
    [InlineData("?status=ACCOUNT_ARCHIVED", "")]
    [InlineData("?userId=8", "")]
    [InlineData("?userId=7&sort=accountNumber&limit=2", "1 3 5")]
    [InlineData("?userId=7&defaultAccount=true", "3")]
    [InlineData("?userId=7&defaultAccount=false&limit=1", "1 5")]
    public async Task A_list_is_read_page_by_page_by_its_links(string query, string numbers)
    {
        var items = new List<JsonElement>();
        for (var next = $"/v1/accounts{query}"; next is not null;)
        {
            using var answer = await _views.Client.GetAsync(next, Stop);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            items.AddRange((await Json(answer)).GetProperty("items").EnumerateArray());
            next = answer.Headers.TryGetValues("Link", out var links) ? links.Single().Split('<', '>')[1] : null;
            Assert.EndsWith(next is null ? "" : "; rel=\"next\"", links?.Single() ?? "", StringComparison.Ordinal);
            Assert.StartsWith(next is null ? "" : "/v1/accounts?", next ?? "", StringComparison.Ordinal);
        }

        Assert.Equal(numbers, string.Join(' ', items.Select(item => item.GetProperty("accountNumber").GetString())));
    }

    [Fact]
    public async Task An_item_is_the_account_with_its_links()
    {
        using var answer = await _views.Client.GetAsync("/v1/accounts?status=ACCOUNT_SUSPENDED", Stop);

        Assert.True(JsonElement.DeepEquals(
            JsonElement.Parse("""
                {"items":[{"createdAt":1003,"lastModified":1003,"userId":7,"accountNumber":"3","defaultAccount":false,"status":"ACCOUNT_SUSPENDED","version":1,
                  "_links":{"self":{"href":"/v1/accounts/3"},"events":{"href":"/v1/accounts/3/events"},
                  "activate":{"href":"https://commands.example/v1/accounts/3/commands/activate"}}}]}
                """),
            await Json(answer)));
    }

    [Fact]
    public async Task A_users_accounts_come_with_counts_and_never_show_two_defaults()
    {
        using var answer = await _views.Client.GetAsync("/v1/users/7/accounts?limit=2", Stop);

        var body = await Json(answer);
        Assert.Equal([false, true], body.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("defaultAccount").GetBoolean()));
        Assert.Equal(
            """{"total":3,"byStatus":{"ACCOUNT_PENDING":0,"ACCOUNT_CONFIRMED":0,"ACCOUNT_ACTIVE":2,"ACCOUNT_SUSPENDED":1,"ACCOUNT_ARCHIVED":0}}""",
            body.GetProperty("counts").GetRawText());
        Assert.StartsWith("</v1/users/7/accounts?limit=2&cursor=", answer.Headers.GetValues("Link").Single(), StringComparison.Ordinal);
        Assert.Equal(0, (await Json(await _views.Client.GetAsync("/v1/users/99/accounts", Stop))).GetProperty("items").GetArrayLength());
    }

    [Theory]
    [InlineData("/v1/accounts/counts", 5, 4)]
    [InlineData("/v1/accounts/counts?userId=7", 3, 2)]
    [InlineData("/v1/accounts/counts?userId=99", 0, 0)]
    public async Task Counts_are_by_status(string path, int total, int active)
    {
        var counts = await Json(await _views.Client.GetAsync(path, Stop));

        Assert.Equal(total, counts.GetProperty("total").GetInt32());
        Assert.Equal(IndexSummary.Statuses, counts.GetProperty("byStatus").EnumerateObject().Select(count => count.Name));
        Assert.Equal(active, counts.GetProperty("byStatus").GetProperty("ACCOUNT_ACTIVE").GetInt32());
    }

    [Theory]
    [InlineData("/v1/accounts?limit=1&sort=-createdAt")]
    [InlineData("/v1/accounts?limit=1&status=ACCOUNT_ACTIVE")]
    [InlineData("/v1/accounts?limit=1&userId=7")]
    [InlineData("/v1/accounts?limit=1&userId=7&sort=accountNumber")]
    [InlineData("/v1/users/7/accounts?limit=1")]
    public async Task A_cursor_belongs_to_one_list(string other)
    {
        using var first = await _views.Client.GetAsync("/v1/accounts?limit=1", Stop);
        var cursor = first.Headers.GetValues("Link").Single().Split("cursor=")[1].Split('>')[0];

        Assert.Equal(HttpStatusCode.OK, (await _views.Client.GetAsync($"/v1/accounts?limit=3&cursor={cursor}", Stop)).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await _views.Client.GetAsync($"{other}&cursor={cursor}", Stop)).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await _views.Client.GetAsync($"/v1/accounts?cursor={cursor}A", Stop)).StatusCode);
        foreach (var (text, status) in ((string, HttpStatusCode)[])[
            ("""{"l":"CreatedAt...","g":"01234567","o":[1,2,3]}""", HttpStatusCode.BadRequest),
            ("""{"l":"CreatedAt...","g":"01234567","o":[1,-2]}""", HttpStatusCode.BadRequest),
            ("""{"l":"CreatedAt...","g":"89abcdef","o":[1,2]}""", HttpStatusCode.BadRequest),
            ("""{"l":"CreatedAt...","o":[1,2]}""", HttpStatusCode.BadRequest),
            ("""{"l":"CreatedAt...","g":"01234567","o":[1,2]}""", HttpStatusCode.OK)])
        {
            Assert.Equal(status, (await _views.Client.GetAsync($"/v1/accounts?cursor={Base64(text)}", Stop)).StatusCode);
        }

        // Names of parameters have no case, so the next page's cursor takes the place of this one.
        using var second = await _views.Client.GetAsync($"/v1/accounts?limit=1&Cursor={cursor}", Stop);
        using var third = await _views.Client.GetAsync(second.Headers.GetValues("Link").Single().Split('<', '>')[1], Stop);
        Assert.Equal("3", (await Json(third)).GetProperty("items")[0].GetProperty("accountNumber").GetString());
    }

    [Theory]
    [InlineData("/v1/accounts", 200)]
    [InlineData("/v1/accounts?minPosition=0:1,1:2", 200)]
    [InlineData("/v1/accounts?minPosition=0:2", 503)]
    [InlineData("/v1/accounts?minPosition=1:1,0:3", 503)]
    [InlineData("/v1/accounts/counts?minPosition=0:2", 503)]
    [InlineData("/v1/accounts?userId=7&minPosition=0:2", 503)]
    [InlineData("/v1/users/7/accounts?minPosition=0:2", 503)]
    [InlineData("/v1/users/8/accounts?minPosition=0:2", 200)]
    [InlineData("/v1/users/8/accounts?minPosition=0:3", 503)]
    public async Task A_list_that_lacks_what_the_client_knows_because_an_account_is_held_is_not_shown(string path, int status)
    {
        // As the processor files them: in some of the rows of a partition, by number; and what they hold, by account.
        await _views.Write([(Held(0, 0), JsonElement.Parse("""{"accounts":["3"]}""")), (Held(0, 9), JsonElement.Parse("""{"accounts":["GONE","NEW"]}"""))]);
        await _views.Write([
            Seed.Held(_at, Views.Index, "3", 2, position: 2), Seed.Held(_at, Views.Index, "NEW", 1, position: 3),
            Seed.Held(_at, Views.Index, "GONE", 1, HeldStates.Released, position: 1)]);
        await _views.Write(RowKeys.PointerTo(Views.Account), _at);
        await _views.Write(RowKeys.Account(_at, "3"), new AccountRow { Version = 2, Account = Seed.Account("3", 2), Commands = [], Position = "0:2" });

        using var answer = await _views.Client.GetAsync(path, Stop);

        Assert.Equal(status, (int)answer.StatusCode);
        if (status == 503)
        {
            Assert.Equal(60, answer.Headers.RetryAfter!.Delta!.Value.TotalSeconds);
            Assert.Equal("urn:accounts:problem:account-held", (await Json(answer)).GetProperty("type").GetString());
        }
    }

    [Fact]
    public async Task What_a_view_tries_again_by_itself_is_waited_for()
    {
        await _views.Write([(Held(0, 0), JsonElement.Parse("""{"accounts":["3"]}"""))]);
        await _views.Write([Seed.Held(_at, Views.Index, "3", 2, HeldStates.Retrying, position: 2)]);

        using var refused = await _views.Client.GetAsync("/v1/accounts?minPosition=0:3", Stop);
        var problem = await Json(refused);
        Assert.Equal(
            (HttpStatusCode.ServiceUnavailable, "urn:accounts:problem:not-yet", "0:1"),
            (refused.StatusCode, problem.GetProperty("type").GetString(), problem.GetProperty("position").GetString()));

        using var patient = new HttpRequestMessage(HttpMethod.Get, "/v1/accounts?minPosition=0:3") { Headers = { { "Prefer", "wait=10" } } };
        var waiting = _views.Client.SendAsync(patient, Stop);
        await _views.Client.GetAsync("/v1/accounts", Stop);
        Assert.False(waiting.IsCompleted);
        await _views.Write([Seed.Held(_at, Views.Index, "3", 2, HeldStates.Released, position: 2)]);
        Assert.Equal(HttpStatusCode.OK, (await waiting).StatusCode);
    }

    [Fact]
    public async Task A_first_page_is_read_at_once_where_the_one_before_began()
    {
        // As the processor makes them: the top names a block, the block a page, and the page holds the accounts.
        var tree = new IndexTree(0);
        await _views.Write([
            (tree.Key(_at, "p0"), Row(An(1, 7), An(3, 7))), (tree.Key(_at, "b0"), Above("p0", 2)), (tree.Key(_at, IndexTree.Top), Above("b0", 2))]);
        Assert.Equal("1 2 3 4", await Numbers("/v1/accounts"));
        Assert.InRange(await _views.Calls(async () => Assert.Equal("1 2 3 4", await Numbers("/v1/accounts"))), 1, 2);

        // Rows that have changed are shown as they are.
        await _views.Write([
            (tree.Key(_at, "p0"), Row(An(1, 7), An(3, 7, "ACCOUNT_SUSPENDED"), An(5, 7))),
            (tree.Key(_at, "b0"), Above("p0", 3)), (tree.Key(_at, IndexTree.Top), Above("b0", 3))]);
        Assert.Equal("1 2 3 4 5", await Numbers("/v1/accounts"));
        Assert.Equal("5 4 3 2 1", await Numbers("/v1/accounts?sort=-createdAt"));
        await _views.Write([
            (tree.Key(_at, "b1"), Above("p100", 1)), (tree.Key(_at, "p100"), Row(An(10_001, 7))), (tree.Key(_at, IndexTree.Top), Above("b1", 1))]);
        Assert.Equal("10001 4 2", await Numbers("/v1/accounts?sort=-createdAt"));
    }

    [Fact]
    public async Task A_row_that_was_read_before_the_one_above_it_was_written_is_read_again()
    {
        var tree = new IndexTree(0);
        var rows = new Dictionary<string, JsonElement> { [tree.Key(_at, IndexTree.Top)] = Above("p0", 1), [tree.Key(_at, "p0")] = Row(An(1, 7)) };
        var reader = new IndexReader(
            (keys, _) =>
            {
                var found = keys.ToDictionary(key => key, key => (ReadOnlyMemory<byte>)JsonSerializer.SerializeToUtf8Bytes(rows[key]));

                // As if it had been written while the others were read.
                rows[tree.Key(_at, "p0")] = Row(An(1, 7), An(3, 7));
                return Task.FromResult<IReadOnlyDictionary<string, ReadOnlyMemory<byte>>>(found);
            },
            _at,
            1,
            new IndexMemory(TimeProvider.System));
        var request = new ListRequest(new ListFilter(null, null, null, ListOrder.CreatedAt), 50, null);
        await reader.ListAsync(request, Stop);
        rows[tree.Key(_at, "p0")] = Row(An(1, 7));
        rows[tree.Key(_at, IndexTree.Top)] = Above("p0", 2);

        Assert.Equal(["1", "3"], (await reader.ListAsync(request, Stop))!.Items.Select(item => item.Account.AccountNumber));
    }

    [Fact]
    public async Task Where_GET_is_HEAD_is_too_without_a_body()
    {
        foreach (var path in (string[])["/v1/accounts?limit=1", "/v1/users/7/accounts", "/v1/accounts/counts"])
        {
            using var answer = await _views.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, path), Stop);

            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            Assert.Empty(await answer.Content.ReadAsByteArrayAsync(Stop));
        }
    }

    private async Task<string> Numbers(string path) => string.Join(
        ' ', (await Json(await _views.Client.GetAsync(path, Stop))).GetProperty("items").EnumerateArray()
            .Select(item => item.GetProperty("accountNumber").GetString()));

    private static JsonElement Above(string label, int accounts) => JsonSerializer.SerializeToElement(
        new IndexRow
        {
            Below = [new IndexSummary
            {
                Label = label,
                Revision = accounts,
                Counts = [0, 0, 0, 0, accounts, 0, 0, 0, 0, 0],
                FirstOrdinal = 1,
                LastOrdinal = 10_000,
                FirstCreated = 1_001,
                LastCreated = 20_000,
            }],
        },
        ContractsJson.Default.IndexRow);

    private string Held(int partition, int page) => RowKeys.Row(_at, "held-accounts", $"{Views.Index}.{partition}.{page}");

    private static string Base64(string text) => System.Buffers.Text.Base64Url.EncodeToString(System.Text.Encoding.UTF8.GetBytes(text));

    private static async Task<JsonElement> Json(HttpResponseMessage answer) => JsonElement.Parse(await answer.Content.ReadAsStringAsync(Stop));

    private static IndexEntry An(int number, long user, string status = "ACCOUNT_ACTIVE", long? since = null) => new()
    {
        Ordinal = (number + 1) / 2,
        DefaultSince = since,
        Account = new AccountBody
        {
            CreatedAt = 1_000 + number,
            LastModified = 1_000 + number,
            UserId = user,
            AccountNumber = $"{number}",
            DefaultAccount = since is not null,
            Status = status,
            Version = 1,
        },
    };

    private static JsonElement Row(params IndexEntry[] entries) => JsonSerializer.SerializeToElement(
        new IndexRow
        {
            Entries = entries,
            Commands = new Dictionary<string, IReadOnlyList<string>> { ["ACCOUNT_SUSPENDED"] = ["activate"] },
        },
        ContractsJson.Default.IndexRow);
}
