using System.Text.Json;
using Accounts.Contracts;
using Accounts.Domain;

namespace Accounts.Command;

/// <summary>Reads the bodies of commands. All that is wrong is listed at once; a body with anything wrong gives null.</summary>
internal static class CommandBodies
{
    private const int MaxReason = 500;

    public static AccountCommand.Create? ReadCreate(ReadOnlyMemory<byte> body, Dictionary<string, string[]> wrong)
    {
        if (JsonMembers.Parse(body, wrong) is not { } members)
        {
            return null;
        }

        var number = members.Text("accountNumber", required: true, CheckNumber);
        var user = members.Whole("userId", 0, AccountNumbers.MaxUserId);
        var isDefault = members.Flag("defaultAccount", required: true);
        members.RefuseOthers();
        return number is null || user is null || isDefault is null ? null : new AccountCommand.Create(number, user.Value, isDefault.Value);
    }

    public static AccountCommand? ReadChange(string name, ReadOnlyMemory<byte> body, Dictionary<string, string[]> wrong)
    {
        if (body.IsEmpty)
        {
            return AccountCommand.Named(name);
        }

        if (JsonMembers.Parse(body, wrong) is not { } members)
        {
            return null;
        }

        var reason = members.Text("reason", required: false, CheckReason);
        var fact = members.Object("if") is { } facts ? ReadFact(facts) : null;
        members.RefuseOthers();
        return AccountCommand.Named(name, reason, fact);
    }

    /// <summary>What is wrong with an account number, or null.</summary>
    public static string? CheckNumber(string number) =>
        AccountNumbers.IsValid(number) ? null
        : AccountNumbers.Reserved.Contains(number) ? "is reserved"
        : "must be 1 to 34 of the characters A-Z, 0-9 and -";

    private static Fact? ReadFact(JsonMembers facts)
    {
        var status = facts.Text("status", required: false, value => AccountStatusNames.Parse(value) is null ? "is no status of an account" : null);
        var isDefault = facts.Flag("defaultAccount", required: false);
        var since = facts.Whole("defaultSince", 0, AccountNumbers.MaxUserId, required: false);
        facts.RefuseOthers();
        return status is null && isDefault is null && since is null
            ? null
            : new Fact(status is null ? null : AccountStatusNames.Parse(status), isDefault, since);
    }

    // Control characters have no use here, and some databases refuse the JSON of a NUL.
    private static string? CheckReason(string reason) =>
        reason.Length > MaxReason ? $"must have at most {MaxReason} characters"
        : reason.Any(c => char.IsControl(c) && c is not ('\n' or '\r' or '\t')) ? "must have no control characters"
        : null;
}
