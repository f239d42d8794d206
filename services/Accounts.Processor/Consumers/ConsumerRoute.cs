using System.Text.Json;
using EventLog;

namespace Accounts.Processor.Consumers;

/// <summary>
/// The way to whoever holds a partition. When it is silent for a second, whatever the reason, this replica works on the
/// partition itself until the route answers again.
/// </summary>
internal sealed class ConsumerRoute(PartitionRoutes routes, PartitionConsumer consumer, TimeProvider time)
{
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private bool _telling;
    private bool _answered;
    private long _heard;
    private long _told;

    /// <summary>Somebody has answered for the partition, or this replica works on it.</summary>
    public bool Settled => consumer.Active || Volatile.Read(ref _answered);

    /// <summary>The partition has reached a position: work here, or tell the one who does. Does not wait for either.</summary>
    public void Wake(long position, CancellationToken stopping)
    {
        if (consumer.Active)
        {
            consumer.Wake(position);
            return;
        }

        lock (_gate)
        {
            // At most one call is under way; when it ends, only the newest position is told.
            _heard = Math.Max(_heard, position);
            if (_telling || _heard == _told)
            {
                return;
            }

            _telling = true;
        }

        _ = TellAsync(stopping);
    }

    /// <summary>Names a position to the holder (0: only makes sure that there is one).</summary>
    public async Task AskAsync(long position, CancellationToken stopping)
    {
        using var patience = new CancellationTokenSource(Silence, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, stopping);
        try
        {
            var message = JsonSerializer.SerializeToElement(new WakeUp(consumer.Partition, position), JsonSerializerOptions.Web);
            await routes.CallAsync(consumer.Partition, message, either.Token).WaitAsync(either.Token);
            Volatile.Write(ref _answered, true);
            consumer.Borrowed = false;
        }
        catch (Exception) when (!stopping.IsCancellationRequested)
        {
            consumer.Borrowed = true;
            consumer.Wake(position);
        }
    }

    private async Task TellAsync(CancellationToken stopping)
    {
        while (true)
        {
            long position;
            lock (_gate)
            {
                if (_heard == _told || stopping.IsCancellationRequested)
                {
                    _telling = false;
                    return;
                }

                position = _heard;
            }

            await AskAsync(position, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            lock (_gate)
            {
                _told = position;
            }
        }
    }
}
