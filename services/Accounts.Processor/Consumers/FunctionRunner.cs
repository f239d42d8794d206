using System.Threading.Channels;
using Accounts.Processor.Functions;
using Accounts.Processor.Operations;
using Accounts.Processor.Parking;
using EventLog;

namespace Accounts.Processor.Consumers;

/// <summary>
/// One function at work on one partition, on its own feet: whatever holds it up holds up no other. It is at work while this
/// replica works on the partition.
/// </summary>
/// <param name="trouble">What keeps it from going on.</param>
/// <param name="large">One place for each large batch that may be in memory at once.</param>
internal sealed class FunctionRunner(
    PartitionConsumer consumer, Filling filling, Checkpoint checkpoint, Work work, HeldAccounts held, Replay replay, Trouble trouble,
    SemaphoreSlim large, Outages outages, TimeProvider time, ILogger logger)
{
    private const int EventsPerBatch = 1_000;

    // A view with a backlog writes each row once for many events.
    private const int EventsPerLargeBatch = 5_000;
    private static readonly TimeSpan Slow = TimeSpan.FromSeconds(2);

    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private volatile bool _loaded;
    private volatile bool _waits;
    private long _busySince;

    /// <summary>The last position that is done, as far as this replica knows.</summary>
    public long Done => checkpoint.Done;

    /// <summary>How many accounts are held back.</summary>
    public int Held => held.Count;

    /// <summary>What keeps the function from going on, or kept it the last time; null when nothing ever did.</summary>
    public TroubleRow? LastTrouble()
    {
        if (Interlocked.Read(ref _busySince) is not 0 and var since && time.GetElapsedTime(since) > Slow && outages.Of(filling.Function) is { } away)
        {
            trouble.Note($"{away} does not answer.");
        }

        return trouble.Last;
    }

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

    /// <summary>Something was asked of the accounts that are held.</summary>
    public void Recheck()
    {
        held.Recheck();
        Wake(begins: false);
    }

    /// <summary>Time has gone by: what waits for it may be due.</summary>
    public void Tick()
    {
        if (_waits ? consumer.Permitted(filling) > Done : held.Due().Count > 0)
        {
            Wake(begins: false);
        }
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
        catch (Exception) when (stopping.IsCancellationRequested)
        {
        }

        await checkpoint.FlushAsync();
    }

    private async Task CatchUpAsync(Func<bool> active, CancellationToken stopping, CancellationToken cancellation)
    {
        var patience = outages.Log.Patience();
        while (active() && !stopping.IsCancellationRequested)
        {
            try
            {
                Interlocked.Exchange(ref _busySince, time.GetTimestamp());
                var more = await TakeAsync(stopping, cancellation);
                Interlocked.Exchange(ref _busySince, 0);
                trouble.Over();
                if (!more)
                {
                    return;
                }

                patience.Reset();
                continue;
            }
            catch (Exception) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (LogBrokenException broken)
            {
                trouble.Note(broken.Message);
                logger.LogCritical(broken, "Function {Function} stays at {Position}: the log is broken there", filling.Function.Name, broken.Position);
            }
            catch (TooManyHeldException broken)
            {
                trouble.Note(broken.Message);
                logger.LogCritical("{Reason}", broken.Message);
            }
            catch (SilentLogException silent)
            {
                trouble.Note("The log does not answer.");
                outages.Log.Failed(silent.InnerException!);
            }
            catch (Exception cause)
            {
                trouble.Note("The function threw an exception that belongs to no event; the log of the service has it.");
                logger.LogError(cause, "Function {Function} cannot go on in partition {Partition}", filling.Function.Name, consumer.Partition);
            }

            await patience.WaitAsync(stopping);
        }
    }

    /// <summary>Takes the next batch, or a portion of what was held back; false when there is nothing to do now.</summary>
    private async Task<bool> TakeAsync(CancellationToken stopping, CancellationToken cancellation)
    {
        if (_waits = consumer.Permitted(filling) < 0)
        {
            return false;
        }

        if (!_loaded)
        {
            _loaded = true;
            held.Recheck();
            await checkpoint.LoadAsync(stopping);
        }

        // First how far others have come, then what they hold back: they write it the other way round.
        var after = checkpoint.Advanced(out var byOthers);
        if (byOthers)
        {
            held.Recheck();
        }

        await held.LoadAsync(stopping);
        var replayed = await replay.TakeDueAsync(stopping, cancellation);
        if (filling.Function is not Function.View || !consumer.Window.IsBacklog(after))
        {
            return await TakeAsync(await OfLogAsync(() => consumer.Window.ReadAsync(after, EventsPerBatch, stopping).AsTask()), stopping, cancellation) || replayed;
        }

        await large.WaitAsync(stopping);
        try
        {
            return await TakeAsync(await OfLogAsync(() => consumer.Window.ReadBacklogAsync(after, EventsPerLargeBatch, stopping)), stopping, cancellation) || replayed;
        }
        finally
        {
            large.Release();
        }
    }

    /// <summary>What fails here is the log's, and nothing else is.</summary>
    private static async Task<IReadOnlyList<LoggedRecord>> OfLogAsync(Func<Task<IReadOnlyList<LoggedRecord>>> read)
    {
        try
        {
            return await read();
        }
        catch (Exception cause) when (cause is not LogBrokenException)
        {
            throw new SilentLogException(cause);
        }
    }

    private async Task<bool> TakeAsync(IReadOnlyList<LoggedRecord> read, CancellationToken stopping, CancellationToken cancellation)
    {
        var records = Permitted(read);
        if (records.Count == 0)
        {
            return false;
        }

        var begun = time.GetUtcNow();
        var failures = await work(new Batch(records, logged => !held.Holds(logged.Account)), stopping, cancellation);
        FunctionTracing.Done(filling.Function, consumer.Partition, begun, records);
        if ((failures.Count == 0 && held.Count == 0) || await held.TakeAsync(records, failures, cancellation))
        {
            checkpoint.Advance(records[^1].Position, records.Sum(record => record.Events.Count), cancellation);
            consumer.Advanced(filling);
        }

        return true;
    }

    /// <summary>
    /// What may be done of the records. Asked after they were read: whoever has been told meanwhile to go no further does not
    /// begin with records that came later.
    /// </summary>
    private IReadOnlyList<LoggedRecord> Permitted(IReadOnlyList<LoggedRecord> records)
    {
        var last = consumer.Permitted(filling);
        if (records.Count == 0 || records[^1].Position <= last)
        {
            return records;
        }

        _waits = true;
        return [.. records.TakeWhile(record => record.Position <= last)];
    }

    private sealed class SilentLogException(Exception cause) : Exception(cause.Message, cause);
}
