using System.Globalization;
using System.Text.RegularExpressions;
using Sidecar.Configuration;

namespace Sidecar.Actors;

/// <summary>How often a timer or reminder repeats. <see cref="Repeats"/> counts all its ticks; -1 means for ever.</summary>
internal readonly record struct Period(int Years, int Months, int Days, TimeSpan Span, int Repeats)
{
    /// <summary>Whether there is a next tick at all.</summary>
    public bool Repeating => Years != 0 || Months != 0 || Days != 0 || Span != TimeSpan.Zero;

    public bool OnCalendar => Years != 0 || Months != 0 || Days != 0;

    public DateTimeOffset After(DateTimeOffset tick) => tick.AddYears(Years).AddMonths(Months).AddDays(Days) + Span;
}

/// <summary>Periods and times in the forms that Dapr reads: Go's (<c>1h2m3s4ms</c>), ISO 8601's (<c>R5/PT30S</c>) and RFC 3339.</summary>
internal static partial class GoTime
{
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

        return GoDuration.Parse(text) is { } go ? new Period(0, 0, 0, go, -1) : null;
    }

    /// <summary>A point in time, or a duration from <paramref name="start"/>; null when the form is unknown.</summary>
    public static DateTimeOffset? Time(string text, DateTimeOffset start) =>
        Rfc3339().IsMatch(text) && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time
        : Period(text) is { Repeats: -1 } period ? period.After(start)
        : null;

    [GeneratedRegex(@"^(R(?<r>\d+)/)?P((?<y>\d+)Y)?((?<mon>\d+)M)?((?<w>\d+)W)?((?<d>\d+)D)?(T((?<h>\d+)H)?((?<min>\d+)M)?((?<s>\d+)S)?)?$")]
    private static partial Regex Iso();

    [GeneratedRegex(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")]
    private static partial Regex Rfc3339();
}
