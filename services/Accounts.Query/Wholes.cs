using System.Globalization;
using Accounts.Contracts;

namespace Accounts.Query;

/// <summary>Whole numbers that clients send. What is out of range is refused, not moved into it.</summary>
internal static class Wholes
{
    public const int DefaultLimit = 100;
    public const int MaxLimit = 500;

    /// <summary>A version; the smallest allowed one when the text is none, and then something is wrong.</summary>
    public static long Read(string text, string name, long min, Dictionary<string, string[]> wrong)
    {
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= min && number <= AccountNumbers.MaxUserId)
        {
            return number;
        }

        wrong[name] = [string.Create(CultureInfo.InvariantCulture, $"must be a whole number, {min} or greater")];
        return min;
    }

    /// <summary>How many items a page may have.</summary>
    public static int ReadLimit(string? text, Dictionary<string, string[]> wrong)
    {
        if (text is null)
        {
            return DefaultLimit;
        }

        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && limit is >= 1 and <= MaxLimit)
        {
            return limit;
        }

        wrong["limit"] = [$"must be a whole number from 1 to {MaxLimit}"];
        return DefaultLimit;
    }
}
