using System.Text.Json;
using TestSupport;

namespace SystemTests;

/// <summary>Lists, counts and the default of a user through the whole system.</summary>
public class ListTests(SharedSystem shared)
{
    private readonly AccountSystem _accounts = shared.Accounts;

    [Fact]
    public async Task A_users_accounts_are_listed_counted_and_have_one_default_whoever_makes_which_account_it()
    {
        var user = Random.Shared.NextInt64(1_000_000, 1L << 50);
        var numbers = Enumerable.Range(0, 10).Select(_ => AccountSystem.NewNumber()).ToList();
        foreach (var number in numbers)
        {
            (await _accounts.Ask(HttpMethod.Post, new Uri(_accounts.Commands, "/v1/accounts"), AccountSystem.Opening(number, user, isDefault: true))).Is(201);
        }

        using var done = new CancellationTokenSource();
        var watched = Task.Run(
            async () =>
            {
                for (var looks = 0; !done.IsCancellationRequested || looks == 0; looks++)
                {
                    Assert.InRange((await Listed(user)).Count(IsDefault), 0, 1);
                }
            },
            TestContext.Current.CancellationToken);
        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => _accounts.Command(numbers[i % 10], "make-default")));
        Assert.All(answers, answer => answer.Is(200));

        await Eventually.Holds(
            async () =>
            {
                var states = await Task.WhenAll(numbers.Select(number => _accounts.Read($"/v1/accounts/{number}")));
                var standing = Assert.Single(states, state => IsDefault(state.Is(200).Json)).Json.GetProperty("accountNumber").GetString();
                var listed = await Listed(user);
                Assert.Equal(numbers.Order(StringComparer.Ordinal), listed.Select(item => item.GetProperty("accountNumber").GetString()));
                Assert.Equal(standing, Assert.Single(listed, IsDefault).GetProperty("accountNumber").GetString());
                Assert.All(listed, item => Assert.Equal("ACCOUNT_ACTIVE", item.GetProperty("status").GetString()));
            },
            TimeSpan.FromSeconds(30));
        await done.CancelAsync();
        await watched;

        var counts = (await _accounts.Read($"/v1/accounts/counts?userId={user}")).Is(200).Json;
        Assert.Equal((10, 10), (counts.GetProperty("total").GetInt32(), counts.GetProperty("byStatus").GetProperty("ACCOUNT_ACTIVE").GetInt32()));
        Assert.True((await _accounts.Read("/v1/accounts/counts")).Is(200).Json.GetProperty("total").GetInt64() >= 10);
        Assert.Equal(10, (await _accounts.Read($"/v1/users/{user}/accounts")).Is(200).Json.GetProperty("counts").GetProperty("total").GetInt32());
    }

    private static bool IsDefault(JsonElement account) => account.GetProperty("defaultAccount").GetBoolean();

    private async Task<List<JsonElement>> Listed(long user)
    {
        var items = new List<JsonElement>();
        for (var next = $"/v1/accounts?userId={user}&sort=accountNumber"; next is not null;)
        {
            var page = (await _accounts.Read(next)).Is(200);
            items.AddRange(page.Json.GetProperty("items").EnumerateArray());
            next = page["Link"]?.Split('<', '>')[1];
        }

        return items;
    }
}
