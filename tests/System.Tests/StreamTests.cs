using System.Text.Json;
using TestSupport;

namespace SystemTests;

/// <summary>What happens to accounts is seen as it happens, whatever becomes of the connection.</summary>
public sealed class StreamTests(SharedSystem shared) : IDisposable
{
    private readonly AccountSystem _accounts = shared.Accounts;
    private readonly HttpClient _http = new() { BaseAddress = shared.Accounts.Queries, Timeout = Timeout.InfiniteTimeSpan };

    public void Dispose() => _http.Dispose();

    [Fact]
    public async Task A_user_sees_the_life_of_his_accounts_and_after_a_cut_what_happened_meanwhile()
    {
        var user = Random.Shared.NextInt64(1L << 40);
        var (first, second) = (AccountSystem.NewNumber(), AccountSystem.NewNumber());
        List<StreamEvent> seen;
        string last;
        using (var stream = await EventStreamReader.OpenAsync(_http, $"/v1/accounts/stream?userId={user}", null, TestContext.Current.CancellationToken))
        {
            await Open(first, user);
            seen = [.. await stream.TakeAsync(2)];
            last = stream.LastId!;
        }

        await Open(second, user);
        await _accounts.Shown(first, 3);
        await _accounts.Shown(second, 3);
        (await _accounts.Command(first, "suspend", """{"reason":"lost"}""")).Is(200);
        using (var stream = await EventStreamReader.OpenAsync(_http, $"/v1/accounts/stream?userId={user}", last, TestContext.Current.CancellationToken))
        {
            seen.AddRange(await stream.TakeAsync(5));
            (await _accounts.Command(second, "archive")).Is(200);
            seen.AddRange(await stream.TakeAsync(1));
        }

        foreach (var number in (string[])[first, second])
        {
            var events = await Eventually.Gives(async () =>
            {
                var all = await _accounts.Events(number);
                Assert.Equal(4, all.Count);
                return all;
            });
            Assert.Equal(events.Select(item => item.GetRawText()), seen.Select(happened => happened.Data).Where(data => Number(data) == number));
        }

        Assert.Equal(8, seen.Count);
        Assert.All(seen, happened => Assert.Equal(JsonElement.Parse(happened.Data).GetProperty("type").GetString(), happened.Name));
    }

    [Fact]
    public async Task An_account_is_followed_from_any_version()
    {
        var number = await _accounts.Alive();
        using var live = await EventStreamReader.OpenAsync(_http, $"/v1/accounts/{number}/stream?minVersion=3", null, TestContext.Current.CancellationToken);
        using var whole = await EventStreamReader.OpenAsync(_http, $"/v1/accounts/{number}/stream", "0", TestContext.Current.CancellationToken);

        (await _accounts.Command(number, "suspend")).Is(200);
        (await _accounts.Command(number, "activate")).Is(200);

        Assert.Equal([("4", "ACCOUNT_SUSPENDED"), ("5", "ACCOUNT_ACTIVATED")], (await live.TakeAsync(2)).Select(happened => (happened.Id, happened.Name)));
        Assert.Equal(["1", "2", "3", "4", "5"], (await whole.TakeAsync(5)).Select(happened => happened.Id));
    }

    private static string? Number(string data) => JsonElement.Parse(data).GetProperty("accountNumber").GetString();

    private async Task Open(string number, long user) =>
        (await _accounts.Ask(HttpMethod.Post, AccountSystem.At(_accounts.Commands, "/v1/accounts"), AccountSystem.Opening(number, user))).Is(201);
}
