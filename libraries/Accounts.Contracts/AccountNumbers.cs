namespace Accounts.Contracts;

/// <summary>What account numbers and user ids look like.</summary>
public static class AccountNumbers
{
    /// <summary>1 to 34 of <c>A-Z 0-9 -</c>.</summary>
    public const string Pattern = "^[A-Z0-9-]{1,34}$";

    /// <summary>The greatest user id: the greatest whole number that every JSON reader keeps exact.</summary>
    public const long MaxUserId = 9_007_199_254_740_991;

    /// <summary>Numbers that would be mistaken for other addresses.</summary>
    public static IReadOnlyList<string> Reserved { get; } = ["COUNTS", "STREAM", "IMPORT"];

    /// <summary>True when an account could have this number.</summary>
    public static bool IsValid(string number)
    {
        ArgumentNullException.ThrowIfNull(number);
        if (number.Length is 0 or > 34 || Reserved.Contains(number))
        {
            return false;
        }

        foreach (var c in number)
        {
            if (c is not ((>= 'A' and <= 'Z') or (>= '0' and <= '9') or '-'))
            {
                return false;
            }
        }

        return true;
    }
}
