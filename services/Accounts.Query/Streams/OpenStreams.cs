using System.Diagnostics.Metrics;
using ServiceDefaults;

namespace Accounts.Query.Streams;

/// <summary>
/// How many streams are open on this replica, and how many may be. Settings: <c>Streams:Limit</c>, and
/// <c>Streams:HeartbeatSeconds</c>, after which a stream without events says that it is alive.
/// </summary>
internal sealed class OpenStreams
{
    private readonly int _limit;
    private readonly UpDownCounter<int> _open;
    private int _count;

    public OpenStreams(IConfiguration configuration, IMeterFactory meters)
    {
        _limit = configuration.GetValue("Streams:Limit", 5_000);
        Heartbeat = TimeSpan.FromSeconds(configuration.GetValue("Streams:HeartbeatSeconds", 10.0));
        _open = meters.Create(Telemetry.Name).CreateUpDownCounter<int>("accounts.streams.open", "{stream}", "Event streams that are open.");
    }

    public TimeSpan Heartbeat { get; }

    /// <summary>False when there are as many as there may be.</summary>
    public bool TryOpen()
    {
        if (Interlocked.Increment(ref _count) > _limit)
        {
            Interlocked.Decrement(ref _count);
            return false;
        }

        _open.Add(1);
        return true;
    }

    public void Close()
    {
        Interlocked.Decrement(ref _count);
        _open.Add(-1);
    }
}
