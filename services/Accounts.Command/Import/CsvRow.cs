using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Accounts.Contracts;
using Accounts.Domain;

namespace Accounts.Command.Import;

/// <summary>
/// A line of CSV by RFC 4180: three fields, each bare or in quotes, a quote within quotes written twice. None of them can hold
/// the end of a line.
/// </summary>
internal static partial class CsvRow
{
    /// <summary>The first line.</summary>
    public const string Header = "userId,accountNumber,defaultAccount";

    private const string Field = """(?:"(?<field>[^"]*(?:""[^"]*)*)"|(?<field>[^",]*))""";

    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    public static bool IsHeader(ReadOnlySpan<byte> line) => Fields(line) is { } fields && string.Join(',', fields) == Header;

    /// <summary>The command; null when something is wrong, which is then said of the field that it is about.</summary>
    public static AccountCommand.Create? Read(ReadOnlySpan<byte> line, Dictionary<string, string[]> wrong)
    {
        if (Fields(line) is not [var user, var number, var isDefault])
        {
            wrong["$"] = [$"must have the three fields {Header}, each bare or in quotes"];
            return null;
        }

        if (!long.TryParse(user, NumberStyles.None, CultureInfo.InvariantCulture, out var userId) || userId > AccountNumbers.MaxUserId)
        {
            wrong["userId"] = [$"must be a whole number from 0 to {AccountNumbers.MaxUserId}"];
        }

        if (CommandBodies.CheckNumber(number) is { } error)
        {
            wrong["accountNumber"] = [error];
        }

        if (isDefault is not ("true" or "false"))
        {
            wrong["defaultAccount"] = ["must be true or false"];
        }

        return wrong.Count > 0 ? null : new AccountCommand.Create(number, userId, isDefault == "true");
    }

    /// <summary>The three fields; null when the line is not that, in UTF-8.</summary>
    private static IReadOnlyList<string>? Fields(ReadOnlySpan<byte> line)
    {
        string text;
        try
        {
            text = Strict.GetString(line);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }

        return ThreeFields().Match(text) is { Success: true } match
            ? [.. match.Groups["field"].Captures.Select(field => field.Value.Replace("\"\"", "\"", StringComparison.Ordinal))]
            : null;
    }

    [GeneratedRegex($"""\A{Field},{Field},{Field}\z""", RegexOptions.CultureInvariant)]
    private static partial Regex ThreeFields();
}
