namespace SystemTests;

/// <summary>Many clients that want the same at the same moment.</summary>
public class RaceTests(SharedSystem shared)
{
    private readonly AccountSystem _accounts = shared.Accounts;

    [Fact]
    public async Task Of_100_accounts_with_one_number_at_once_one_is_opened()
    {
        var number = AccountSystem.NewNumber();

        var answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(user => _accounts.Ask(
            HttpMethod.Post, new Uri(_accounts.Commands, "/v1/accounts"), AccountSystem.Opening(number, userId: user))));

        var winner = Assert.Single(answers, answer => answer.Status == 201);
        Assert.All(answers.Where(answer => answer != winner), answer => answer.IsProblem(409, "number-taken"));
        var shown = await _accounts.Shown(number, 3);
        Assert.Equal((3, winner.Json.GetProperty("userId").GetInt64()), (shown.Version, shown.Json.GetProperty("userId").GetInt64()));
    }

    [Fact]
    public async Task Of_50_changes_of_one_version_at_once_one_takes_effect()
    {
        var number = await _accounts.Alive();

        var answers = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => _accounts.Command(number, "suspend", null, ("If-Match", "\"3\""))));

        var winner = Assert.Single(answers, answer => answer.Status == 200);
        Assert.Equal(4, winner.Version);
        Assert.All(answers.Where(answer => answer != winner), answer => answer.IsProblem(412, "version-mismatch"));
        Assert.Equal(4, (await _accounts.Shown(number, 4)).Version);
    }

    [Fact]
    public async Task Accounts_that_are_opened_together_all_come_alive()
    {
        var numbers = Enumerable.Range(0, 200).Select(_ => AccountSystem.NewNumber()).ToList();

        await Parallel.ForEachAsync(numbers, new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (number, _) => (await _accounts.Create(number)).Is(201));

        foreach (var number in numbers)
        {
            Assert.Equal(3, (await _accounts.Shown(number, 3)).Version);
        }
    }
}
