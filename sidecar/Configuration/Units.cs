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

        var match = DurationForm().Match(text);
        if (!match.Success)
        {
            return null;
        }

        var seconds = 0.0;
        for (var i = 0; i < match.Groups["number"].Captures.Count; i++)
        {
            var number = double.Parse(match.Groups["number"].Captures[i].Value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture);
            seconds += number * match.Groups["unit"].Captures[i].Value switch
            {
                "ns" => 1e-9,
                "us" or "µs" or "μs" => 1e-6,
                "ms" => 1e-3,
                "s" => 1,
                "m" => 60,
                _ => 3600,
            };
        }

        return seconds < TimeSpan.MaxValue.TotalSeconds ? TimeSpan.FromSeconds(text[0] == '-' ? -seconds : seconds) : null;
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

    [GeneratedRegex(@"^[+-]?(?:(?<number>\d+(?:\.\d*)?|\.\d+)(?<unit>ns|us|µs|μs|ms|s|m|h))+$")]
    private static partial Regex DurationForm();

    [GeneratedRegex(@"^(?<number>\d+(?:\.\d+)?)(?<unit>Ki|Mi|Gi|k|M|G)?$")]
    private static partial Regex SizeForm();
}
