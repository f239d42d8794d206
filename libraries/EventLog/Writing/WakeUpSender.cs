using Microsoft.Extensions.Logging;

namespace EventLog;

/// <summary>
/// Tells whoever listens that partitions have grown, outside of the callers' wait and without retry: one publish at a time,
/// and after it and a rest one with the newest position of each partition that has grown meanwhile.
/// </summary>
/// <param name="publish">Publishes a message.</param>
/// <param name="partitions">How many there are.</param>
/// <param name="time">The clock.</param>
/// <param name="log">The log to operators.</param>
internal sealed class WakeUpSender(Func<WakeUp, CancellationToken, Task> publish, int partitions, TimeProvider time, ILogger log)
{
    // The first at once. Each message makes every function look, and a broker that delivers one message after the other must not
    // fall behind by news that are old: the rest is as long as the publish took.
    private static readonly TimeSpan ShortestRest = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan LongestRest = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    private readonly long[] _newest = new long[partitions];
    private readonly long[] _sent = new long[partitions];
    private int _sending;

    public void Send(int partition, long position)
    {
        Volatile.Write(ref _newest[partition], position);
        if (Interlocked.Exchange(ref _sending, 1) == 0)
        {
            _ = SendNewestAsync();
        }
    }

    private async Task SendNewestAsync()
    {
        do
        {
            while (Grown() is [var first, .. var others])
            {
                var began = time.GetTimestamp();
                await PublishAsync(others is [] ? first : first with { Others = others });
                var rest = Math.Clamp(time.GetElapsedTime(began).Ticks, ShortestRest.Ticks, LongestRest.Ticks);
                await Task.Delay(new TimeSpan(rest), time);
            }

            // Before the look, and not after it: else what comes in between would wait for what comes next.
            Interlocked.Exchange(ref _sending, 0);
        }
        while (HasGrown() && Interlocked.Exchange(ref _sending, 1) == 0);
    }

    private List<WakeUp> Grown()
    {
        var grown = new List<WakeUp>();
        for (var partition = 0; partition < partitions; partition++)
        {
            if (Volatile.Read(ref _newest[partition]) is var newest && newest != _sent[partition])
            {
                _sent[partition] = newest;
                grown.Add(new WakeUp(partition, newest));
            }
        }

        return grown;
    }

    private bool HasGrown()
    {
        for (var partition = 0; partition < partitions; partition++)
        {
            if (Volatile.Read(ref _newest[partition]) != Volatile.Read(ref _sent[partition]))
            {
                return true;
            }
        }

        return false;
    }

    private async Task PublishAsync(WakeUp wakeUp)
    {
        try
        {
            using var limit = new CancellationTokenSource(Limit, time);
            await publish(wakeUp, limit.Token);
        }
        catch (Exception e)
        {
            log.LogDebug(
                e, "A wake-up for partition {Partition} at {Position} and {Others} others was not sent; readers look by themselves",
                wakeUp.Partition, wakeUp.Position, wakeUp.Others?.Count ?? 0);
        }
    }
}
