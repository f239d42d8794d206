using System.Threading.Channels;
using EventLog;

namespace Accounts.Processor.Consumers;

/// <summary>What a function does with a batch; see <see cref="ViewWork.ApplyAsync"/> and <see cref="PolicyWork.ApplyAsync"/>.</summary>
internal delegate Task<EventFailure?> Work(IReadOnlyList<LoggedRecord> records, CancellationToken stopping, CancellationToken cancellation);

/// <summary>
/// One function at work on one partition, on its own feet: whatever holds it up holds up no other. It is at work while this
/// replica works on the partition.
/// </summary>
internal sealed class FunctionRunner(
    string name, int partition, RecordWindow window, Checkpoint checkpoint, Work work, Outage log, TimeProvider time, Random chance, ILogger logger)
{
    private const int EventsPerBatch = 1_000;

    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private volatile bool _loaded;

    /// <summary>There is more to read.</summary>
    /// <param name="begins">This replica begins to work on the partition; another may have come further meanwhile.</param>
    public void Wake(bool begins)
    {
        if (begins)
        {
            _loaded = false;
        }

        _wake.Writer.TryWrite(true);
    }

    /// <param name="active">Whether this replica works on the partition; whoever is told that it does not stops half-way.</param>
    /// <param name="stopping">Take nothing more; what is in flight is finished.</param>
    /// <param name="cancellation">Give up what is in flight.</param>
    public async Task RunAsync(Func<bool> active, CancellationToken stopping, CancellationToken cancellation)
    {
        try
        {
            while (await _wake.Reader.WaitToReadAsync(stopping))
            {
                _wake.Reader.TryRead(out _);
                if (active())
                {
                    await CatchUpAsync(active, stopping, cancellation);
                }
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
        }

        await checkpoint.FlushAsync();
    }

    private async Task CatchUpAsync(Func<bool> active, CancellationToken stopping, CancellationToken cancellation)
    {
        var patience = new Patience(time, chance);
        while (active() && !stopping.IsCancellationRequested)
        {
            try
            {
                if (!_loaded)
                {
                    _loaded = true;
                    await checkpoint.LoadAsync(stopping);
                }

                var records = await window.ReadAsync(checkpoint.Done, EventsPerBatch, stopping);
                if (records.Count == 0)
                {
                    return;
                }

                var begun = time.GetUtcNow();
                var failure = await work(records, stopping, cancellation);
                FunctionTracing.Done(name, partition, begun, records);
                checkpoint.Advance(failure is null ? records[^1].Position : failure.Event.Recorded.Position.Position - 1, cancellation);
                if (failure is null)
                {
                    patience.Reset();
                    continue;
                }

                var recorded = failure.Event.Recorded;
                logger.LogError(
                    failure.Cause,
                    "Function {Function} cannot take version {Version} of account {Account} at {Position}; it stays there in partition {Partition} and tries again",
                    name, recorded.Version, recorded.Stream, recorded.Position, partition);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (LogBrokenException broken)
            {
                logger.LogCritical(broken, "Function {Function} stays at {Position}: the log is broken there", name, broken.Position);
            }
            catch (Exception cause)
            {
                log.Failed(cause);
            }

            await patience.WaitAsync(stopping);
        }
    }
}
