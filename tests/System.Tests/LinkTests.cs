using System.Text.Json;

namespace SystemTests;

/// <summary>Clients need to know no address but the first: what is offered is never refused.</summary>
public class LinkTests(SystemWithoutOnboarding system)
{
    private static readonly string[] Sources = ["the answer to a command", "the commands by the log", "the account", "the commands by the view"];

    public static MatrixTheoryData<string, bool> States => new(
        ["ACCOUNT_PENDING", "ACCOUNT_CONFIRMED", "ACCOUNT_ACTIVE", "ACCOUNT_SUSPENDED", "ACCOUNT_ARCHIVED"],
        [false, true]);

    [Theory]
    [MemberData(nameof(States))]
    public async Task Every_link_that_is_offered_can_be_followed(string status, bool isDefault)
    {
        var accounts = await system.AccountsAsync();
        var offered = (await Links(accounts, await accounts.Brought(status, isDefault), "the account", status)).Keys.ToList();
        Assert.Equal(["self", "events"], offered.Take(2));
        Assert.InRange(offered.Count, 4, 6);

        await Task.WhenAll(Sources.SelectMany(source => offered.Select(name => Follow(accounts, status, isDefault, source, name))));
    }

    private static async Task Follow(AccountSystem accounts, string status, bool isDefault, string source, string name)
    {
        var number = await accounts.Brought(status, isDefault);
        var links = await Links(accounts, number, source, status);
        if (!links.TryGetValue(name, out var target))
        {
            Assert.True(name is "self" or "events" && source.StartsWith("the commands", StringComparison.Ordinal), $"{source} does not offer {name} in {status}.");
        }
        else if (name is "self" or "events")
        {
            await accounts.Shown(number, 1);
            (await accounts.Ask(HttpMethod.Get, target)).Is(200);
        }
        else
        {
            (await accounts.Ask(HttpMethod.Post, target)).Is(200);
        }
    }

    private static async Task<Dictionary<string, Uri>> Links(AccountSystem accounts, string number, string source, string status)
    {
        var path = $"/v1/accounts/{number}";
        var version = (await accounts.Ask(HttpMethod.Get, new Uri(accounts.Commands, $"{path}/commands"))).Is(200).Version;
        var (answer, service) = source switch
        {
            // A command that rests on what is not so changes nothing, and is answered like any other.
            "the answer to a command" => (await accounts.Command(number, "confirm", status == "ACCOUNT_PENDING" ? """{"if":{"status":"ACCOUNT_ARCHIVED"}}""" : """{"if":{"status":"ACCOUNT_PENDING"}}"""), accounts.Commands),
            "the commands by the log" => (await accounts.Ask(HttpMethod.Get, new Uri(accounts.Commands, $"{path}/commands")), accounts.Commands),
            "the account" => (await accounts.Shown(number, version), accounts.Queries),
            _ => (await AfterShown(accounts, number, version), accounts.Queries),
        };
        return answer.Is(200).Json.GetProperty("_links").EnumerateObject().ToDictionary(link => link.Name, link => new Uri(service, Href(link.Value)));
    }

    private static async Task<Answer> AfterShown(AccountSystem accounts, string number, long version)
    {
        await accounts.Shown(number, version);
        return await accounts.Read($"/v1/accounts/{number}/commands");
    }

    private static string Href(JsonElement link) => link.GetProperty("href").GetString()!;
}
