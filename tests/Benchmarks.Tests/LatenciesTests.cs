namespace Benchmarks.Tests;

public class LatenciesTests
{
    [Theory]
    [InlineData(0.5)]
    [InlineData(0.95)]
    [InlineData(0.99)]
    public void Percentiles_are_true_to_2_percent(double share)
    {
        var latencies = new Latencies();
        for (var microseconds = 1; microseconds <= 100_000; microseconds++)
        {
            latencies.Add(TimeSpan.FromMicroseconds(microseconds));
        }

        var wanted = share * 100;
        Assert.InRange(latencies.Percentile(share), wanted * 0.98, wanted * 1.02);
        Assert.Equal(100_000, latencies.Count);
    }

    [Fact]
    public void Any_duration_finds_its_place()
    {
        foreach (var duration in new[] { TimeSpan.Zero, TimeSpan.FromMicroseconds(127), TimeSpan.FromMicroseconds(128), TimeSpan.FromDays(1), TimeSpan.MaxValue, TimeSpan.FromSeconds(-1) })
        {
            var latencies = new Latencies();
            latencies.Add(duration);

            var wanted = Math.Max(0, duration.TotalMilliseconds);
            Assert.InRange(latencies.Percentile(0.5), wanted * 0.98, wanted * 1.02);
        }
    }

    [Fact]
    public void Nothing_counted_is_nothing() => Assert.Equal(0, new Latencies().Percentile(0.99));
}
