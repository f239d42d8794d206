using System.Diagnostics.Metrics;

namespace EventLog;

/// <summary>What the writers measure, on a meter that the service names (<see cref="LogOptions.Meter"/>).</summary>
internal sealed class LogMetrics(Meter meter)
{
    private readonly Histogram<int> _batch = meter.CreateHistogram<int>(
        "accounts.log.batch.size", "{command}", "Commands committed by one record.",
        advice: new InstrumentAdvice<int> { HistogramBucketBoundaries = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512] });

    private readonly Histogram<double> _commit = meter.CreateHistogram<double>(
        "accounts.log.commit.duration", "s", "Time from the write of a record until it was known to be committed.",
        advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] });

    private readonly Counter<long> _lost = meter.CreateCounter<long>(
        "accounts.log.lost_races", "{record}", "Records whose position another replica had taken.");

    private readonly Counter<long> _silent = meter.CreateCounter<long>(
        "accounts.log.silent_routes", "{call}", "Calls to a partition's owner without an answer, after which the replica used its own writer.");

    public void Committed(int commands, TimeSpan time)
    {
        _batch.Record(commands);
        _commit.Record(time.TotalSeconds);
    }

    public void LostRace(int partition) => _lost.Add(1, new KeyValuePair<string, object?>("partition", partition));

    public void SilentRoute(int partition) => _silent.Add(1, new KeyValuePair<string, object?>("partition", partition));
}
