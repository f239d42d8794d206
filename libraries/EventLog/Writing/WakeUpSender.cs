using Dapr.Client;
using Microsoft.Extensions.Logging;

namespace EventLog;

/// <summary>
/// Tells whoever listens that a partition has grown, outside of the callers' wait and without retry: one publish at a time
/// per partition, and after it and a rest only the newest position.
/// </summary>
internal sealed class WakeUpSender(DaprClient dapr, LogOptions options, int partitions, TimeProvider time, ILogger log)
{
    // The first at once. Under load a broker that delivers one message after the other must not fall behind by news that are old.
    private const int RestsForEachPublish = 4;
    private static readonly TimeSpan LongestRest = TimeSpan.FromMilliseconds(50);

    private readonly long[] _newest = new long[partitions];
    private readonly int[] _sending = new int[partitions];

    public void Send(int partition, long position)
    {
        Volatile.Write(ref _newest[partition], position);
        if (Interlocked.Exchange(ref _sending[partition], 1) == 0)
        {
            _ = SendNewestAsync(partition);
        }
    }

    private async Task SendNewestAsync(int partition)
    {
        var sent = 0L;
        do
        {
            for (long newest; (newest = Volatile.Read(ref _newest[partition])) != sent; sent = newest)
            {
                var began = time.GetTimestamp();
                try
                {
                    using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2));
                    await dapr.PublishEventAsync(options.PubSub, options.Topic, new WakeUp(partition, newest), limit.Token);
                }
                catch (Exception e)
                {
                    log.LogDebug(e, "A wake-up for partition {Partition} at {Position} was not sent; readers look by themselves", partition, newest);
                }

                var rest = RestsForEachPublish * time.GetElapsedTime(began);
                await Task.Delay(rest < LongestRest ? rest : LongestRest, time);
            }

            Volatile.Write(ref _sending[partition], 0);
        }
        while (Volatile.Read(ref _newest[partition]) != sent && Interlocked.Exchange(ref _sending[partition], 1) == 0);
    }
}
