using System.Diagnostics;

namespace EventLog;

/// <summary>
/// The work on a batch, as part of the traces of the requests that it was done for. Costs nothing while nobody listens, and
/// for a request that is not sampled.
/// </summary>
/// <param name="source">Where the activities come from; its name is what an exporter listens to.</param>
public sealed class LogTracing(ActivitySource source)
{
    /// <summary>Adds the piece of work that has just ended to each of the traces.</summary>
    /// <param name="name">What was done.</param>
    /// <param name="begun">When it began.</param>
    /// <param name="traceParents">Those for whom it was done, as W3C trace parents; null and malformed ones are passed over.</param>
    /// <param name="tags">What else to say of it.</param>
    public void Done(string name, DateTimeOffset begun, IEnumerable<string?> traceParents, params ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (!source.HasListeners())
        {
            return;
        }

        foreach (var traceParent in traceParents)
        {
            if (ActivityContext.TryParse(traceParent, null, isRemote: true, out var parent) && parent.TraceFlags.HasFlag(ActivityTraceFlags.Recorded))
            {
                using var activity = source.StartActivity(name, ActivityKind.Internal, parent, startTime: begun);
                foreach (var (tag, value) in tags)
                {
                    activity?.SetTag(tag, value);
                }
            }
        }
    }
}
