namespace Accounts.Contracts;

/// <summary>Addresses of an account. A base is empty (relative) or absolute without a slash at its end.</summary>
public static class Addresses
{
    /// <summary>The account itself.</summary>
    public static string Account(string baseAddress, string number) => $"{baseAddress}/v1/accounts/{number}";

    /// <summary>Its events.</summary>
    public static string Events(string baseAddress, string number) => $"{baseAddress}/v1/accounts/{number}/events";

    /// <summary>One of its commands.</summary>
    public static string Command(string baseAddress, string number, string name) => $"{baseAddress}/v1/accounts/{number}/commands/{name}";

    /// <summary>The links of an account: itself and its events where it is read, and its legal commands where it is written.</summary>
    public static IReadOnlyDictionary<string, Link> Links(string readBase, string writeBase, string number, IReadOnlyList<string> commands)
    {
        ArgumentNullException.ThrowIfNull(commands);
        var links = new Dictionary<string, Link>(commands.Count + 2)
        {
            ["self"] = new(Account(readBase, number)),
            ["events"] = new(Events(readBase, number)),
        };
        foreach (var name in commands)
        {
            links[name] = new(Command(writeBase, number, name));
        }

        return links;
    }

    /// <summary>Just the legal commands, as links.</summary>
    public static IReadOnlyDictionary<string, Link> CommandLinks(string writeBase, string number, IReadOnlyList<string> commands) =>
        commands.ToDictionary(name => name, name => new Link(Command(writeBase, number, name)));
}
