using TestSupport;

namespace SystemTests;

/// <summary>What reading is like, apart from what is read.</summary>
public class ReadTests(SharedSystem shared)
{
    private readonly AccountSystem _accounts = shared.Accounts;

    [Theory]
    [InlineData("")]
    [InlineData("/commands")]
    [InlineData("/events")]
    public async Task HEAD_answers_what_GET_does_without_the_body(string what)
    {
        var path = $"/v1/accounts/{await _accounts.Alive()}{what}";
        var get = (await _accounts.Read(path)).Is(200);

        var head = (await _accounts.Ask(HttpMethod.Head, new Uri(_accounts.Queries, path))).Is(200);

        Assert.Empty(head.Text);
        Assert.Equal(Telling(get), Telling(head));
        Assert.Equal(404, (await _accounts.Ask(HttpMethod.Head, new Uri(_accounts.Queries, $"/v1/accounts/NOBODY{what}"))).Status);
    }

    [Theory]
    [InlineData("\"3\"", 304)]
    [InlineData("W/\"3\"", 304)]
    [InlineData("\"1\", \"3\"", 304)]
    [InlineData("*", 304)]
    [InlineData("\"2\"", 200)]
    public async Task A_version_that_the_client_knows_is_not_sent_again(string known, int status)
    {
        var number = await _accounts.Alive();

        var answer = (await _accounts.Read($"/v1/accounts/{number}", ("If-None-Match", known))).Is(status);

        Assert.Equal("\"3\"", answer["ETag"]);
        Assert.Equal(status == 304, answer.Text.Length == 0);
    }

    [Fact]
    public async Task Events_come_in_pages_of_100_oldest_first()
    {
        var number = await _accounts.Alive();
        for (var version = 4; version <= 205; version++)
        {
            (await _accounts.Command(number, version % 2 == 0 ? "suspend" : "activate")).Is(200);
        }

        var events = await Eventually.Gives(async () =>
        {
            var all = await _accounts.Events(number);
            Assert.Equal(205, all.Count);
            return all;
        });

        Assert.Equal(Enumerable.Range(1, 205), events.Select(e => e.GetProperty("version").GetInt32()));
        var path = $"/v1/accounts/{number}/events";
        var first = (await _accounts.Read(path)).Is(200);
        Assert.Equal(100, first.Json.GetProperty("items").GetArrayLength());
        Assert.Equal($"<{path}?after=100>; rel=\"next\"", first["Link"]);
        var last = (await _accounts.Read(path + "?after=200")).Is(200);
        Assert.Equal((5, null), (last.Json.GetProperty("items").GetArrayLength(), last["Link"]));
        Assert.Equal(0, (await _accounts.Read(path + "?after=205")).Is(200).Json.GetProperty("items").GetArrayLength());
        // Just a full page has no next one.
        Assert.Null((await _accounts.Read(path + "?after=105")).Is(200)["Link"]);
    }

    // What differs from answer to answer, and what only says how long a body is.
    private static IEnumerable<string> Telling(Answer answer) => answer.Headers
        .Where(header => header.Key is not ("Date" or "X-Correlation-Id" or "Transfer-Encoding" or "Content-Length"))
        .Select(header => $"{header.Key}: {header.Value}")
        .Order(StringComparer.Ordinal);
}
