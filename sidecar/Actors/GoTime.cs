using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Sidecar.Actors;

/// <summary>How often a timer or reminder repeats. <see cref="Repeats"/> counts all its ticks; -1 means for ever.</summary>
internal readonly record struct Period(int Years, int Months, int Days, TimeSpan Span, int Repeats)
{
    /// <summary>Whether there is a next tick at all.</summary>
    public bool Repeating => Years != 0 || Months != 0 || Days != 0 || Span != TimeSpan.Zero;

    public bool OnCalendar => Years != 0 || Months != 0 || Days != 0;

    public DateTimeOffset After(DateTimeOffset tick) => tick.AddYears(Years).AddMonths(Months).AddDays(Days) + Span;
}

/// <summary>Durations and times in the forms that Dapr reads: Go's (<c>1h2m3s4ms</c>), ISO 8601's (<c>R5/PT30S</c>) and RFC 3339.</summary>
internal static partial class GoTime
{
    /// <summary>A Go duration, or null.</summary>
    public static TimeSpan? Duration(string text)
    {
        if (text == "0")
        {
            return TimeSpan.Zero;
        }

        if (!Go().IsMatch(text))
        {
            return null;
        }

        var sum = TimeSpan.Zero;
        foreach (Match part in GoPart().Matches(text))
        {
            var number = double.Parse(part.Groups[1].Value, CultureInfo.InvariantCulture);
            sum += part.Groups[2].Value switch
            {
                "h" => TimeSpan.FromHours(number),
                "m" => TimeSpan.FromMinutes(number),
                "s" => TimeSpan.FromSeconds(number),
                "ms" => TimeSpan.FromMilliseconds(number),
                "ns" => TimeSpan.FromTicks((long)(number / 100)),
                _ => TimeSpan.FromMicroseconds(number),
            };
        }

        return text[0] == '-' ? -sum : sum;
    }

    /// <summary>A period, or null when the form is unknown. An empty text does not repeat.</summary>
    public static Period? Period(string text)
    {
        if (text.Length == 0)
        {
            return new Period(0, 0, 0, TimeSpan.Zero, -1);
        }

        if (Iso().Match(text) is { Success: true } iso && text[^1] is not ('P' or 'T' or '/'))
        {
            var span = new TimeSpan(0, Part("h"), Part("min"), Part("s"));
            return new Period(Part("y"), Part("mon"), Part("d") + 7 * Part("w"), span, iso.Groups["r"].Success ? Part("r") : -1);

            int Part(string name) =>
                iso.Groups[name].Success && int.TryParse(iso.Groups[name].Value, CultureInfo.InvariantCulture, out var n) ? n : 0;
        }

        return Duration(text) is { } go ? new Period(0, 0, 0, go, -1) : null;
    }

    /// <summary>A point in time, or a duration from <paramref name="start"/>; null when the form is unknown.</summary>
    public static DateTimeOffset? Time(string text, DateTimeOffset start) =>
        Rfc3339().IsMatch(text) && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time
        : Period(text) is { Repeats: -1 } period ? period.After(start)
        : null;

    /// <summary>A duration as Go writes it: <c>1s</c>, <c>1m0s</c>, <c>1h0m0s</c>, <c>1.5s</c>, <c>500ms</c>.</summary>
    public static string Format(TimeSpan duration)
    {
        if (duration == TimeSpan.Zero)
        {
            return "0s";
        }

        if (duration < TimeSpan.FromSeconds(1))
        {
            return duration < TimeSpan.FromMilliseconds(1)
                ? string.Create(CultureInfo.InvariantCulture, $"{duration.TotalMicroseconds:0.###}µs")
                : string.Create(CultureInfo.InvariantCulture, $"{duration.TotalMilliseconds:0.######}ms");
        }

        var text = new StringBuilder();
        var hours = (long)duration.TotalHours;
        if (hours > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"{hours}h");
        }

        if (hours > 0 || duration.Minutes > 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"{duration.Minutes}m");
        }

        var seconds = (duration.Ticks % TimeSpan.TicksPerMinute) / (decimal)TimeSpan.TicksPerSecond;
        return text.Append(CultureInfo.InvariantCulture, $"{seconds:0.#######}s").ToString();
    }

    [GeneratedRegex(@"^[+-]?([0-9]*\.?[0-9]+\.?(h|ms|m|s|us|µs|ns))+$")]
    private static partial Regex Go();

    [GeneratedRegex("([0-9.]+)(h|ms|m|s|us|µs|ns)")]
    private static partial Regex GoPart();

    [GeneratedRegex(@"^(R(?<r>\d+)/)?P((?<y>\d+)Y)?((?<mon>\d+)M)?((?<w>\d+)W)?((?<d>\d+)D)?(T((?<h>\d+)H)?((?<min>\d+)M)?((?<s>\d+)S)?)?$")]
    private static partial Regex Iso();

    [GeneratedRegex(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")]
    private static partial Regex Rfc3339();
}
