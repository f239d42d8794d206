using System.Buffers;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace EventLog;

/// <summary>
/// The writer of one partition on one replica: a queue and a loop. It takes all commands that wait, decides them one
/// after the other, commits them as one record, and answers. Other replicas have writers for the same partition; the
/// create-only write of the next position decides between them.
/// </summary>
internal sealed class PartitionWriter<TState, TCommand, TEvent>
    where TState : class
    where TCommand : class
    where TEvent : class
{
    private readonly int _partition;
    private readonly IStateStore _store;
    private readonly Decider<TState, TCommand, TEvent> _decider;
    private readonly LogOptions _options;
    private readonly StoreAbilities _abilities;
    private readonly WriterSurroundings _around;
    private readonly Channel<Pending<TState, TCommand>?> _queue;
    private readonly Queue<Pending<TState, TCommand>> _waiting = new();

    // Used again only when the fate of the record in it is known: then its key is taken, and a late try cannot write what comes next.
    private readonly ArrayBufferWriter<byte> _bytes = new();
    private PartitionMemory<TState, TCommand, TEvent> _memory;
    private MemoryLoader<TState, TCommand, TEvent> _loader;
    private SnapshotKeeper<TState, TCommand, TEvent> _snapshots;
    private DateTimeOffset _looked;
    private Task? _look;
    private volatile LogBrokenException? _lost;
    private volatile bool _expected;
    private int _queued;

    public PartitionWriter(
        int partition, IStateStore store, Decider<TState, TCommand, TEvent> decider, LogOptions options, StoreAbilities abilities, WriterSurroundings around)
    {
        _partition = partition;
        _store = store;
        _decider = decider;
        _options = options;
        _abilities = abilities;
        _around = around;
        _queue = Channel.CreateUnbounded<Pending<TState, TCommand>?>(new UnboundedChannelOptions { SingleReader = true });
        (_memory, _loader, _snapshots) = Fresh();
    }

    /// <summary>Set when the store has lost or changed acknowledged data: the partition takes no more commands.</summary>
    public LogBrokenException? Broken { get; private set; }

    /// <summary>Queues a command; false when too many wait already.</summary>
    public bool TryEnqueue(Pending<TState, TCommand> pending)
    {
        if (Interlocked.Increment(ref _queued) > _options.QueueLimit || !_queue.Writer.TryWrite(pending))
        {
            Interlocked.Decrement(ref _queued);
            return false;
        }

        return true;
    }

    /// <summary>Commands may come soon: the log is read now, and not when they wait for it.</summary>
    public void Expect()
    {
        _expected = true;
        _queue.Writer.TryWrite(null);
    }

    /// <summary>Takes no more commands; <see cref="RunAsync"/> ends when the queued ones are answered.</summary>
    public void Complete() => _queue.Writer.TryComplete();

    /// <summary>The loop. Ends after <see cref="Complete"/>, or at once when cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        // A tick wakes an idle writer for what is due by time: snapshots, forgetting, the look at its own tail.
        using var ticks = _around.Time.CreateTimer(_ => _queue.Writer.TryWrite(null), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        var opened = false;
        var failures = 0;
        while (await TakeAsync(cancellation))
        {
            try
            {
                if (Broken is not null)
                {
                    FailWaiting(Broken.Message, Broken);
                    continue;
                }

                if (!opened)
                {
                    if (_waiting.Count == 0 && !_expected)
                    {
                        continue;
                    }

                    _expected = false;
                    await OpenAsync(cancellation);
                    opened = true;
                }

                do
                {
                    await WorkAsync(cancellation);

                    // Under steady load commands wait at the end of each batch, and what is due by time is due all the same.
                    Tend(cancellation);
                }
                while (_waiting.Count > 0);

                failures = 0;
            }
            catch (LogBrokenException e)
            {
                Broken = e;
                _around.Log.LogCritical(e, "Partition {Partition} is stopped at position {Position}: {Reason}", _partition, e.Position.Position, e.Message);
                FailWaiting(e.Message, e);
            }
            catch (Exception e) when (!cancellation.IsCancellationRequested)
            {
                if (++failures == 1)
                {
                    _around.Log.LogWarning(e, "Partition {Partition}: the log cannot be read or written now", _partition);
                }

                // What was folded stays true, but a page may have been folded by half: begin again from the head.
                opened = false;
                FailWaiting("The event log's store cannot be reached.", e);
                await Task.Delay(TimeSpan.FromMilliseconds(Math.Min(100 * failures, 1000)), _around.Time, cancellation);
            }
        }

        if (opened && Broken is null)
        {
            await _snapshots.FinishAsync(cancellation);
        }
    }

    private async Task OpenAsync(CancellationToken cancellation)
    {
        (_memory, _loader, _snapshots) = Fresh();
        await _loader.OpenAsync(cancellation);
        _looked = _around.Time.GetUtcNow();
    }

    private async Task ReadOnAsync(CancellationToken cancellation)
    {
        if (!await _loader.TryReadOnAsync(cancellation))
        {
            await _snapshots.FinishAsync(cancellation);
            await OpenAsync(cancellation);
        }
    }

    private async ValueTask<bool> TakeAsync(CancellationToken cancellation)
    {
        Drain();
        if (_waiting.Count > 0)
        {
            return true;
        }

        if (!await _queue.Reader.WaitToReadAsync(cancellation))
        {
            return false;
        }

        Drain();
        return true;
    }

    private void Drain()
    {
        while (_queue.Reader.TryRead(out var pending))
        {
            if (pending is not null)
            {
                _waiting.Enqueue(pending);
            }
        }
    }

    /// <summary>One batch, from the waiting commands to their answers.</summary>
    private async Task WorkAsync(CancellationToken cancellation)
    {
        var commands = NextCommands();
        try
        {
            while (commands.Count > 0)
            {
                await _loader.LoadAsync(commands.Select(c => c.Stream), cancellation);
                commands.RemoveAll(c => Abandoned(c) || TooOld(c));
                await _loader.RecallAsync(commands.Where(c => c.Keyed || c.Travelled).Select(c => (c.Stream, c.Id)), cancellation);
                commands.RemoveRange(0, await TryBatchAsync(commands, cancellation));
                _memory.ForgetRecalled();
            }
        }
        catch (Exception e)
        {
            foreach (var command in commands)
            {
                command.Fail("The event log's store cannot be reached.", e);
            }

            throw;
        }
    }

    private List<Pending<TState, TCommand>> NextCommands()
    {
        var commands = new List<Pending<TState, TCommand>>(Math.Min(_waiting.Count, _options.BatchCommands));
        while (commands.Count < _options.BatchCommands && _waiting.TryDequeue(out var pending))
        {
            Interlocked.Decrement(ref _queued);
            if (pending.Take())
            {
                commands.Add(pending);
            }
        }

        return commands;
    }

    /// <summary>
    /// Decides and commits. Returns how many of the commands, from the first on, are answered: none when another record came
    /// first, which is folded then, and not all when the record would have been too large.
    /// </summary>
    private async Task<int> TryBatchAsync(List<Pending<TState, TCommand>> commands, CancellationToken cancellation)
    {
        var batch = new Batch<TState, TCommand, TEvent>(_memory, _decider, _partition, _around.Time.GetUtcNow());
        try
        {
            foreach (var command in commands)
            {
                batch.Decide(command);
            }

            if (!batch.MustCommit)
            {
                // An answer that nothing records must have been true at the end of the log.
                if (!await _loader.IsAtEndAsync(cancellation))
                {
                    await ReadOnAsync(cancellation);
                    return 0;
                }

                batch.Answer();
                return commands.Count;
            }

            var record = batch.Record(_around.NewId());
            var bytes = record.Write(_bytes);
            if (bytes.Length > _options.BatchBytes && commands.Count > 1)
            {
                batch.Discard();
                return await TryBatchAsync(commands.GetRange(0, commands.Count / 2), cancellation);
            }

            var (started, begun) = (_around.Time.GetTimestamp(), _around.Time.GetUtcNow());
            var committed = await CommitAsync(record, bytes, commands, cancellation);
            if (!committed)
            {
                _around.LostRace(_partition);
                await ReadOnAsync(cancellation);
                return 0;
            }

            batch.Apply(StoredRecord.Digest(bytes.Span), _around.Time.GetUtcNow());
            batch.Answer();
            _around.Committed(_partition, record.Position, commands.Count, _around.Time.GetElapsedTime(started));
            _around.Tracing.Done(
                "commit", begun, commands.Select(c => c.TraceParent),
                new("partition", _partition), new("position", record.Position), new("commands", commands.Count));
            return commands.Count;
        }
        finally
        {
            batch.Discard();
        }
    }

    private async Task<bool> CommitAsync(
        StoredRecord record, ReadOnlyMemory<byte> bytes, List<Pending<TState, TCommand>> commands, CancellationToken cancellation)
    {
        commands.ForEach(c => c.InDoubt = true);
        var commit = Commit.RunAsync(_store, record, bytes, _around.Time, _around.Log, cancellation);
        await ReadAheadAsync(commit, cancellation);
        var committed = await commit;

        // Either way the fate is known: where another record has the position, this one can never be written any more.
        commands.ForEach(c => c.InDoubt = false);
        return committed;
    }

    /// <summary>
    /// While a record is on its way, reads the snapshots that the next commands lack. Nothing is folded meanwhile, so they
    /// can be taken in at once, whether the record is committed or another one comes first.
    /// </summary>
    private async Task ReadAheadAsync(Task commit, CancellationToken cancellation)
    {
        try
        {
            do
            {
                Drain();
            }
            while (await _loader.LoadAsync(_waiting.Take(_options.BatchCommands).Select(c => c.Stream), cancellation) && !commit.IsCompleted);
        }
        catch (Exception) when (!cancellation.IsCancellationRequested)
        {
            // They are read again when the commands' turn comes, and then a failure counts.
        }
    }

    /// <summary>
    /// Whoever waited was told that nobody knows, and has the id: the command may come again under it, to any replica, and be
    /// recorded before this copy, which has no key to be known by.
    /// </summary>
    private static bool Abandoned(Pending<TState, TCommand> pending) => pending.Outcome.IsCompleted;

    private bool TooOld(Pending<TState, TCommand> pending)
    {
        if (_around.Time.GetUtcNow() - pending.Received <= _options.CommandAge)
        {
            return false;
        }

        pending.Fail("The command waited too long.");
        return true;
    }

    /// <summary>What is due by time. It goes on beside the commands, which wait for none of it.</summary>
    private void Tend(CancellationToken cancellation)
    {
        var now = _around.Time.GetUtcNow();
        _snapshots.Tend(now, cancellation);
        if (_lost is not null)
        {
            throw _lost;
        }

        if (now - _looked < TimeSpan.FromSeconds(1))
        {
            return;
        }

        _looked = now;
        _memory.Forget(now);
        if (_memory.Tail.Position > 0 && _look is null or { IsCompleted: true })
        {
            _look = LookAtTailAsync(new LogPosition(_partition, _memory.Tail.Position), cancellation);
        }
    }

    private async Task LookAtTailAsync(LogPosition tail, CancellationToken cancellation)
    {
        try
        {
            if (await _store.ReadAsync(Keys.Record(_partition, tail.Position), cancellation) is null)
            {
                _lost = new LogBrokenException(tail, $"The record at {tail} was acknowledged and is gone: the store has lost data.");
            }
        }
        catch (Exception)
        {
            // A store that is away has not lost anything.
        }
    }

    private void FailWaiting(string message, Exception cause)
    {
        Drain();
        while (_waiting.TryDequeue(out var pending))
        {
            Interlocked.Decrement(ref _queued);
            if (pending.Take())
            {
                pending.Fail(message, cause);
            }
        }
    }

    private (PartitionMemory<TState, TCommand, TEvent>, MemoryLoader<TState, TCommand, TEvent>, SnapshotKeeper<TState, TCommand, TEvent>) Fresh()
    {
        var memory = new PartitionMemory<TState, TCommand, TEvent>(_partition, _decider, _options);
        var saver = new SnapshotWriter<TState, TCommand, TEvent>(_store, _partition, memory, _abilities);
        var loader = new MemoryLoader<TState, TCommand, TEvent>(_store, _partition, memory, _options, _around.Time);
        return (memory, loader, new SnapshotKeeper<TState, TCommand, TEvent>(_partition, memory, saver, _options, _around));
    }
}
