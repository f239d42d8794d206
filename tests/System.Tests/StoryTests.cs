using System.Globalization;
using System.Text.RegularExpressions;
using TestSupport;

namespace SystemTests;

/// <summary>The requests of <c>requests/accounts.http</c>, sent as an editor would, one after the other.</summary>
public partial class StoryTests(SharedSystem shared)
{
    [Fact]
    public async Task The_story_in_the_requests_folder_goes_as_it_says()
    {
        var accounts = shared.Accounts;
        var text = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "requests", "accounts.http"), TestContext.Current.CancellationToken);
        var number = AccountSystem.NewNumber();
        var variables = new Dictionary<string, string>
        {
            ["commands"] = Base(accounts.Commands),
            ["processor"] = Base(accounts.Processor),
            ["queries"] = Base(accounts.Queries),
            ["number"] = number,
        };
        Assert.Equal(variables.Keys.Order(), Variable().Matches(text).Select(found => found.Groups[1].Value).Order());
        var sent = 0;
        foreach (var request in text.ReplaceLineEndings("\n").Split("\n###").Skip(1))
        {
            await Send(accounts, Use().Replace(request, found => variables[found.Groups[1].Value]));
            sent++;
        }

        Assert.InRange(sent, 15, 100);
    }

    private static async Task Send(AccountSystem accounts, string request)
    {
        var parts = request.Split("\n\n", 2);
        var lines = parts[0].Split('\n');
        var first = lines.Skip(1).SkipWhile(line => line.StartsWith('#')).First().Split(' ');
        var headers = lines.Where(line => Header().IsMatch(line)).Select(line => line.Split(": ", 2)).Select(pair => (pair[0], pair[1])).ToArray();
        var body = parts.ElementAtOrDefault(1)?.Trim() is { Length: > 0 } text ? text : null;
        var expected = Status().Match(lines[0]) is { Success: true } status ? int.Parse(status.Value, CultureInfo.InvariantCulture) : 0;

        // Reading may be repeated until the views are there; a command is sent once.
        if (headers.Contains(("Accept", "text/event-stream")))
        {
            await Eventually.Holds(BeginOnce);
        }
        else if (first[0] == "GET")
        {
            await Eventually.Holds(SendOnce);
        }
        else
        {
            await SendOnce();
        }

        // A stream has no end: that it begins is all there is to see.
        async Task BeginOnce()
        {
            using var http = new HttpClient();
            using var begun = new HttpRequestMessage(HttpMethod.Get, first[1]);
            begun.Headers.Accept.ParseAdd("text/event-stream");
            using var answer = await http.SendAsync(begun, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
            Assert.Equal("text/event-stream", answer.EnsureSuccessStatusCode().Content.Headers.ContentType?.MediaType);
        }

        async Task SendOnce()
        {
            var answer = await accounts.Ask(new HttpMethod(first[0]), new Uri(first[1]), body, headers);
            Assert.True(expected == 0 ? answer.Status is >= 200 and < 300 : answer.Status == expected, $"{lines[0]}\n{first[0]} {first[1]}: {answer.Status} {answer.Text}");
        }
    }

    private static string Base(Uri service) => service.GetLeftPart(UriPartial.Authority);

    [GeneratedRegex(@"^@(\w+) = ", RegexOptions.Multiline)]
    private static partial Regex Variable();

    [GeneratedRegex(@"\{\{(\w+)\}\}")]
    private static partial Regex Use();

    [GeneratedRegex(@"^[A-Za-z-]+: ")]
    private static partial Regex Header();

    [GeneratedRegex(@"\b[2-5]\d\d\b")]
    private static partial Regex Status();
}
