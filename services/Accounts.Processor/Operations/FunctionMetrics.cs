using System.Diagnostics.Metrics;
using Accounts.Processor.Consumers;
using Accounts.Processor.Functions;

namespace Accounts.Processor.Operations;

/// <summary>
/// How far the functions are behind, and how many accounts they hold back, in the partitions that this replica works on: the
/// sum over all replicas is the whole.
/// </summary>
internal sealed class FunctionMetrics
{
    private readonly ObservableGauge<long> _events;
    private volatile IReadOnlyList<(string Function, long Events, double Seconds, long Held)> _values = [];

    public FunctionMetrics(Meter meter)
    {
        _events = meter.CreateObservableGauge(
            "accounts.function.lag.events", () => Measure(value => value.Events), "{event}", "Events that a function has not taken yet.");
        meter.CreateObservableGauge(
            "accounts.function.lag.seconds", () => Measure(value => value.Seconds), "s", "Age of the oldest event that a function has not taken yet.");
        meter.CreateObservableGauge(
            "accounts.function.parked", () => Measure(value => value.Held), "{account}", "Accounts that a function holds back, because it could not take an event.");
    }

    /// <summary>Looks anew, if anybody listens.</summary>
    public async Task LookAsync(Operator at, IReadOnlyList<Function> functions, IReadOnlyList<PartitionConsumer> consumers, CancellationToken cancellation)
    {
        if (!_events.Enabled)
        {
            return;
        }

        var report = await FunctionReport.ReadAsync(at, functions, cancellation);
        _values = [.. functions.Select(function =>
        {
            var here = report.Partitions(function).Where(partition => consumers[partition.Partition].Active).ToList();
            return (function.Name, here.Sum(partition => partition.LagEvents), here.Select(partition => partition.LagSeconds).DefaultIfEmpty().Max(),
                consumers.Where(consumer => consumer.Active).Sum(consumer => (long)consumer.HeldBy(function)));
        })];
    }

    private IEnumerable<Measurement<T>> Measure<T>(Func<(string Function, long Events, double Seconds, long Held), T> of)
        where T : struct => _values.Select(value => new Measurement<T>(of(value), new KeyValuePair<string, object?>("function", value.Function)));
}
