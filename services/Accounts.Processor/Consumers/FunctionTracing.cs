using System.Diagnostics;
using EventLog;
using ServiceDefaults;

namespace Accounts.Processor.Consumers;

/// <summary>The functions' part in the traces of the requests that led to the events.</summary>
internal static class FunctionTracing
{
    public static ActivitySource Source { get; } = new(Telemetry.Name);

    private static readonly LogTracing Traces = new(Source);

    /// <summary>A function has taken the records.</summary>
    public static void Done(string function, int partition, DateTimeOffset begun, IReadOnlyList<LoggedRecord> records) => Traces.Done(
        function,
        begun,
        records.SelectMany(record => record.Events).Select(logged => logged.Recorded.TraceParent),
        new("partition", partition),
        new("position", records[^1].Position));
}
