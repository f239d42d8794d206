using Sidecar.Actors;
using Sidecar.Configuration;

namespace Sidecar.Tests;

public sealed class GoTimeTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("0h0m1s0ms", 1000)]
    [InlineData("1.5s", 1500)]
    [InlineData("1h1m", 3_660_000)]
    [InlineData("250ms", 250)]
    [InlineData("-2s", -2000)]
    [InlineData("0", 0)]
    public void Reads_durations(string text, int milliseconds) => Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), GoDuration.Parse(text));

    [Theory]
    [InlineData("nonsense")]
    [InlineData("5")]
    [InlineData("")]
    [InlineData("1s2")]
    public void Refuses_others(string text) => Assert.Null(GoDuration.Parse(text));

    [Theory]
    [InlineData("R2/PT1S", 1000, 2)]
    [InlineData("PT30S", 30_000, -1)]
    [InlineData("PT1H30M", 5_400_000, -1)]
    [InlineData("1s", 1000, -1)]
    [InlineData("", 0, -1)]
    public void Reads_periods(string text, int milliseconds, int repeats)
    {
        var period = GoTime.Period(text);

        Assert.Equal((TimeSpan.FromMilliseconds(milliseconds), repeats), (period!.Value.Span, period.Value.Repeats));
    }

    [Fact]
    public void Reads_days_and_months_as_such() => Assert.Equal(Now.AddMonths(1).AddDays(2), GoTime.Period("P1M2D")!.Value.After(Now));

    [Theory]
    [InlineData("R/PT1S")]
    [InlineData("P")]
    [InlineData("PT")]
    [InlineData("every second")]
    public void Refuses_other_periods(string text) => Assert.Null(GoTime.Period(text));

    [Fact]
    public void Reads_points_in_time_and_durations_from_now()
    {
        Assert.Equal(Now.AddSeconds(3), GoTime.Time("3s", Now));
        Assert.Equal(Now.AddHours(1), GoTime.Time("2026-11-23T13:00:00Z", Now));
        Assert.Null(GoTime.Time("R2/PT1S", Now));
        Assert.Null(GoTime.Time("nonsense", Now));
    }

    [Theory]
    [InlineData(1000, "1s")]
    [InlineData(60_000, "1m0s")]
    [InlineData(3_600_000, "1h0m0s")]
    [InlineData(1500, "1.5s")]
    [InlineData(500, "500ms")]
    [InlineData(0, "0s")]
    public void Writes_durations_as_Go_does(int milliseconds, string text) =>
        Assert.Equal(text, GoDuration.Format(TimeSpan.FromMilliseconds(milliseconds)));
}
