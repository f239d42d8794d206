namespace Sidecar.Configuration;

/// <summary>The two ways in which Dapr takes a text for yes or no.</summary>
internal static class Truth
{
    /// <summary>Go's <c>strconv.ParseBool</c>; null for what is neither.</summary>
    public static bool? Parse(string? text) => text switch
    {
        "1" or "t" or "T" or "true" or "True" or "TRUE" => true,
        "0" or "f" or "F" or "false" or "False" or "FALSE" => false,
        _ => null,
    };

    /// <summary>Dapr's <c>IsTruthy</c> (dapr/kit, strings): some words without regard to case and blanks, and everything else is no.</summary>
    public static bool IsTruthy(string? text) => text?.Trim().ToLowerInvariant() is "true" or "1" or "yes" or "y" or "on" or "t";
}
