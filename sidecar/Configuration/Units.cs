using System.Globalization;
using System.Text.RegularExpressions;

namespace Sidecar.Configuration;

/// <summary>Durations and sizes in the notations of Dapr's files.</summary>
internal static partial class Units
{
    /// <summary>
    /// A duration as Dapr reads it: <c>500ms</c>, <c>1m30s</c>, <c>1.5h</c>, or a bare whole number of milliseconds.
    /// Null for anything else.
    /// </summary>
    public static TimeSpan? Duration(string text)
    {
        if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var milliseconds))
        {
            return Math.Abs(milliseconds) < (long)TimeSpan.MaxValue.TotalMilliseconds ? TimeSpan.FromMilliseconds(milliseconds) : null;
        }

        return GoDuration.Parse(text);
    }

    /// <summary>A size in bytes: <c>4Mi</c>, <c>16M</c>, <c>65536</c>. Null for anything else, or what is above 2 GiB.</summary>
    public static int? Size(string text)
    {
        var match = SizeForm().Match(text);
        if (!match.Success)
        {
            return null;
        }

        var size = double.Parse(match.Groups["number"].Value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture) *
            match.Groups["unit"].Value switch
            {
                "Ki" => 1L << 10,
                "Mi" => 1L << 20,
                "Gi" => 1L << 30,
                "k" => 1_000,
                "M" => 1_000_000,
                "G" => 1_000_000_000,
                _ => 1,
            };
        return size <= int.MaxValue ? (int)size : null;
    }

    [GeneratedRegex(@"^(?<number>\d+(?:\.\d+)?)(?<unit>Ki|Mi|Gi|k|M|G)?$")]
    private static partial Regex SizeForm();
}
