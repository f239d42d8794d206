using System.Diagnostics;
using Accounts.Processor.Functions;
using EventLog;
using ServiceDefaults;

namespace Accounts.Processor.Consumers;

/// <summary>The functions' part in the traces of the requests that led to the events.</summary>
internal static class FunctionTracing
{
    public static ActivitySource Source { get; } = new(Telemetry.Name);

    private static readonly LogTracing Traces = new(Source);

    /// <summary>A function has taken the events that it handles.</summary>
    public static void Done(Function function, int partition, DateTimeOffset begun, IReadOnlyList<LoggedRecord> records)
    {
        if (Source.HasListeners())
        {
            Traces.Done(
                function.Name,
                begun,
                records.SelectMany(record => record.Events).Where(function.Handles).Select(logged => logged.Recorded.TraceParent),
                new("partition", partition),
                new("position", records[^1].Position));
        }
    }
}
