using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace SystemTests;

/// <summary>Many accounts by one request.</summary>
public class ImportTests(SharedSystem shared, SystemWithoutOnboarding quiet)
{
    private readonly AccountSystem _accounts = shared.Accounts;

    [Theory]
    [InlineData("application/x-ndjson")]
    [InlineData("text/csv")]
    public async Task Every_line_is_an_account_that_is_opened_once_however_often_it_is_imported(string type)
    {
        var taken = await _accounts.Alive();
        string[] numbers = [.. Enumerable.Range(0, 100).Select(_ => AccountSystem.NewNumber())];
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
            [.. Enumerable.Range(first, 100).Select(line => $$"""{"line":{{line}},"version":1}"""), "409 number-taken", "409 number-taken", "400 invalid-request"],
            Told(answer));
        Assert.Equal(Told(answer), Told(await Import(lines, type)));
        foreach (var number in (string[])[numbers[0], numbers[50], numbers[^1]])
        {
            await _accounts.Shown(number, 3, TimeSpan.FromSeconds(30));
            Assert.Equal("ACCOUNT_CREATED", (await _accounts.Events(number))[0].GetProperty("type").GetString());
        }
    }

    [Fact]
    public async Task A_long_import_is_answered_to_its_last_line()
    {
        // Of 1,000,000 lines: LINES=1000000.
        var lines = int.Parse(Environment.GetEnvironmentVariable("LINES") ?? "5000", CultureInfo.InvariantCulture);
        var accounts = await quiet.AccountsAsync();
        var number = AccountSystem.NewNumber();
        using var http = new HttpClient { Timeout = TimeSpan.FromMinutes(10) };
        using var request = new HttpRequestMessage(HttpMethod.Post, AccountSystem.At(accounts.Commands, "/v1/accounts/import"))
        {
            Content = new Lines(lines, i => AccountSystem.Opening(FormattableString.Invariant($"{number}-{i}"), i)),
        };

        using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));

        for (var line = 1; line <= lines; line++)
        {
            Assert.Equal(FormattableString.Invariant($$"""{"line":{{line}},"version":1}"""), await reader.ReadLineAsync(TestContext.Current.CancellationToken));
        }

        Assert.Null(await reader.ReadLineAsync(TestContext.Current.CancellationToken));
    }

    private async Task<Answer> Import(string[] lines, string type) => (await _accounts.Ask(
        HttpMethod.Post, AccountSystem.At(_accounts.Commands, "/v1/accounts/import"), string.Join('\n', lines) + "\n", ("Content-Type", type))).Is(200);

    private static List<string> Told(Answer answer) => [.. answer.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line =>
        JsonElement.Parse(line).TryGetProperty("problem", out var problem)
            ? $"{problem.GetProperty("status").GetInt32()} {problem.GetProperty("type").GetString()!.Split(':')[^1]}"
            : line)];

    /// <summary>A body that is made while it is sent.</summary>
    private sealed class Lines : HttpContent
    {
        private readonly int _count;
        private readonly Func<int, string> _line;

        public Lines(int count, Func<int, string> line)
        {
            (_count, _line) = (count, line);
            Headers.ContentType = new MediaTypeHeaderValue("application/x-ndjson");
        }

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await using var writer = new StreamWriter(stream, new UTF8Encoding(false), 64 * 1024, leaveOpen: true);
            for (var i = 0; i < _count; i++)
            {
                await writer.WriteAsync(_line(i) + "\n");
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
