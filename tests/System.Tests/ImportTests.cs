using System.Text.Json;

namespace SystemTests;

/// <summary>Many accounts by one request.</summary>
public class ImportTests(SharedSystem shared)
{
    private readonly AccountSystem _accounts = shared.Accounts;

    [Theory]
    [InlineData("application/x-ndjson")]
    [InlineData("text/csv")]
    public async Task Every_line_is_an_account_that_is_opened_once_however_often_it_is_imported(string type)
    {
        var taken = await _accounts.Alive();
        string[] numbers = [.. Enumerable.Range(0, 1_000).Select(_ => AccountSystem.NewNumber())];
        var isCsv = type == "text/csv";
        string[] lines =
        [
            .. isCsv ? ["userId,accountNumber,defaultAccount"] : Array.Empty<string>(),
            .. numbers.Select((number, i) => isCsv ? $"{i},\"{number}\",false" : AccountSystem.Opening(number, i)),
            isCsv ? $"1,{numbers[0]},true" : AccountSystem.Opening(numbers[0], 1, isDefault: true),
            isCsv ? $"5,{taken},false" : AccountSystem.Opening(taken, 5),
            "bad",
        ];
        var first = isCsv ? 2 : 1;

        var answer = await Import(lines, type);

        Assert.Equal("application/x-ndjson", answer["Content-Type"]);
        Assert.Equal(
            [.. Enumerable.Range(first, 1_000).Select(line => $$"""{"line":{{line}},"version":1}"""), "409 number-taken", "409 number-taken", "400 invalid-request"],
            Told(answer));
        Assert.Equal(Told(answer), Told(await Import(lines, type)));
        foreach (var number in (string[])[numbers[0], numbers[500], numbers[^1]])
        {
            await _accounts.Shown(number, 3, TimeSpan.FromSeconds(30));
            Assert.Equal("ACCOUNT_CREATED", (await _accounts.Events(number))[0].GetProperty("type").GetString());
        }
    }

    private async Task<Answer> Import(string[] lines, string type) => (await _accounts.Ask(
        HttpMethod.Post, AccountSystem.At(_accounts.Commands, "/v1/accounts/import"), string.Join('\n', lines) + "\n", ("Content-Type", type))).Is(200);

    private static List<string> Told(Answer answer) => [.. answer.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line =>
        JsonElement.Parse(line).TryGetProperty("problem", out var problem)
            ? $"{problem.GetProperty("status").GetInt32()} {problem.GetProperty("type").GetString()!.Split(':')[^1]}"
            : line)];
}
