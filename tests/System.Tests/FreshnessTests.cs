using System.Collections.Concurrent;
using System.Globalization;
using TestSupport;

namespace SystemTests;

/// <summary>Who has written reads what was written, and what was before.</summary>
public class FreshnessTests(SharedSystem shared)
{
    private readonly AccountSystem _accounts = shared.Accounts;

    [Fact]
    public async Task Of_1000_writes_that_are_read_at_once_none_is_read_stale()
    {
        var begin = await End("/v1/events?limit=500");
        var opened = new ConcurrentBag<string>();

        await Parallel.ForEachAsync(Enumerable.Range(0, 1_000), new ParallelOptions { MaxDegreeOfParallelism = 40 }, async (i, _) =>
        {
            var number = AccountSystem.NewNumber();
            var user = Random.Shared.NextInt64(1L << 40);
            var written = (await _accounts.Ask(HttpMethod.Post, AccountSystem.At(_accounts.Commands, "/v1/accounts"), AccountSystem.Opening(number, user))).Is(201);
            opened.Add(number);
            var read = (i % 5) switch
            {
                0 => await _accounts.Read($"/v1/accounts/{number}", ("Min-Version", "1"), ("Prefer", "wait=10")),
                1 => await _accounts.Read($"/v1/accounts/{number}/events?minVersion=1", ("Prefer", "wait=10")),
                2 => await _accounts.Read($"/v1/accounts/{number}/commands", ("Min-Version", "1"), ("Prefer", "wait=10")),
                3 => await _accounts.Read($"/v1/users/{user}/accounts", ("Min-Position", written["Account-Position"]!), ("Prefer", "wait=10")),
                _ => await _accounts.Read("/v1/events?limit=1", ("Min-Position", written["Account-Position"]!), ("Prefer", "wait=10")),
            };
            Assert.Equal("wait=10", read.Is(200)["Preference-Applied"]);
            switch (i % 5)
            {
                case 3:
                    Assert.Equal(number, Assert.Single(read.Json.GetProperty("items").EnumerateArray()).GetProperty("accountNumber").GetString());
                    break;
                case 4:
                    // The list has come to the position, so the account's first event is there without any waiting.
                    (await _accounts.Read($"/v1/accounts/{number}?version=1")).Is(200);
                    break;
            }
        });

        Assert.Equal(1_000, opened.Count);
        var seen = await Crawl($"/v1/events?limit=500&after={begin}");
        Assert.Superset(opened.ToHashSet(), seen.Select(item => item.Number).ToHashSet());
        Assert.Equal(seen.Count, seen.Distinct().Count());
        Assert.All(
            seen.GroupBy(item => item.Number).Where(account => opened.Contains(account.Key)),
            account => Assert.Equal(Enumerable.Range(1, account.Count()), account.Select(item => item.Version)));
    }

    [Fact]
    public async Task Who_asks_for_more_than_the_view_has_is_told_what_it_has()
    {
        var number = await _accounts.Alive();

        foreach (var path in (string[])[$"/v1/accounts/{number}", $"/v1/accounts/{number}/events", $"/v1/accounts/{number}/commands", $"/v1/accounts/{number}/stream"])
        {
            var refused = (await _accounts.Read(path, ("Min-Version", "4"), ("Prefer", "wait=0"))).IsProblem(503, "not-yet");
            Assert.Equal(3, refused.Json.GetProperty("version").GetInt32());
            Assert.NotNull(refused["Retry-After"]);
        }
    }

    [Fact]
    public async Task The_past_is_shown_by_version_and_by_time()
    {
        var number = await _accounts.Alive();
        var events = (await _accounts.Read($"/v1/accounts/{number}/events?order=desc")).Is(200).Json.GetProperty("items").EnumerateArray().ToList();
        Assert.Equal([3, 2, 1], events.Select(item => item.GetProperty("version").GetInt32()));

        Assert.Equal("ACCOUNT_PENDING", (await _accounts.Read($"/v1/accounts/{number}?version=1")).Is(200).AccountStatus);
        Assert.Equal("ACCOUNT_CONFIRMED", (await _accounts.Read($"/v1/accounts/{number}?version=2")).Is(200).AccountStatus);
        (await _accounts.Read($"/v1/accounts/{number}?version=4")).IsProblem(404, "unknown-state");
        var created = events[2].GetProperty("createdAt").GetInt64();
        Assert.InRange((await _accounts.Read($"/v1/accounts/{number}?at={Time(created)}")).Is(200).Version, 1, 3);
        Assert.Equal(3, (await _accounts.Read($"/v1/accounts/{number}?at={Time(events[0].GetProperty("createdAt").GetInt64())}")).Is(200).Version);
        (await _accounts.Read($"/v1/accounts/{number}?at={Time(created - 1)}")).IsProblem(404, "unknown-state");
        (await _accounts.Read($"/v1/accounts/{number}?at=yesterday")).IsProblem(400, "invalid-request");
    }

    private static string Time(long milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(milliseconds).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    private async Task<List<(string Number, int Version)>> Crawl(string path)
    {
        var seen = new List<(string, int)>();
        for (var next = path; next is not null;)
        {
            var page = (await _accounts.Read(next)).Is(200);
            seen.AddRange(page.Json.GetProperty("items").EnumerateArray().Select(item => (item.GetProperty("accountNumber").GetString()!, item.GetProperty("version").GetInt32())));
            next = page["Link"]?.Split('<', '>')[1];
        }

        return seen;
    }

    private async Task<string> End(string path)
    {
        while (true)
        {
            var page = (await _accounts.Read(path)).Is(200);
            if (page["Link"] is not { } link)
            {
                return page.Json.GetProperty("next").GetString()!;
            }

            path = link.Split('<', '>')[1];
        }
    }
}
