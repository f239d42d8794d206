using System.Globalization;

namespace ServiceDefaults;

/// <summary>Whole numbers that clients send. What is out of range is refused, not moved into it.</summary>
public static class Wholes
{
    /// <summary>The number; null when the text is none from 0 to <paramref name="max"/>.</summary>
    public static long? Parse(string? text, long max = long.MaxValue) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= max ? number : null;

    /// <summary>The number; null when the text is none within the range, and then <paramref name="wrong"/> says so.</summary>
    public static long? Read(string? text, string name, long min, long max, Dictionary<string, string[]> wrong)
    {
        ArgumentNullException.ThrowIfNull(wrong);
        if (Parse(text, max) is { } number && number >= min)
        {
            return number;
        }

        wrong.TryAdd(name, [string.Create(CultureInfo.InvariantCulture, $"must be a whole number from {min} to {max}")]);
        return null;
    }
}
