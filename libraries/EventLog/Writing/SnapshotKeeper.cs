using Microsoft.Extensions.Logging;

namespace EventLog;

/// <summary>
/// When snapshots are saved and how far the head may go. Belongs to the writer's loop; only the saving itself runs beside
/// it.
/// </summary>
internal sealed class SnapshotKeeper<TState, TCommand, TEvent>(
    int partition,
    PartitionMemory<TState, TCommand, TEvent> memory,
    SnapshotWriter<TState, TCommand, TEvent> writer,
    LogOptions options,
    WriterSurroundings around)
    where TState : class
    where TCommand : class
    where TEvent : class
{
    private readonly List<(Head Head, DateTimeOffset At)> _marks = [];
    private Task? _saving;
    private IReadOnlyList<CapturedStream<TState>> _captured = [];
    private Head _covered = Head.Beginning;
    private Head _headInStore = Head.Beginning;
    private DateTimeOffset _last;
    private bool _troubled;

    /// <summary>Finishes a save that has ended, and begins one when it is due.</summary>
    public void Tend(DateTimeOffset now, CancellationToken cancellation)
    {
        if (_saving is { IsCompleted: true })
        {
            Finish();
        }

        if (_saving is not null || (now - _last < options.SnapshotEvery && memory.Dirty.Count < options.SnapshotStreams))
        {
            return;
        }

        if (memory.Dirty.Count == 0 && memory.Tail.Position == _headInStore.Position)
        {
            return;
        }

        _last = now;
        _covered = memory.Tail;
        _captured = writer.Capture();
        if (_marks.Count == 0 || _marks[^1].Head.Position < _covered.Position)
        {
            _marks.Add((_covered, now));
        }

        var head = HeadThatMayBeNext(now);
        _saving = SaveAsync(head, cancellation);
    }

    /// <summary>Lets a save that is under way end, when the writer stops.</summary>
    public async Task FinishAsync(CancellationToken cancellation)
    {
        if (_saving is not null)
        {
            await _saving.WaitAsync(cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }
    }

    private async Task SaveAsync(Head? head, CancellationToken cancellation)
    {
        await writer.SaveAsync(_captured, _covered.Position, cancellation);
        if (head is not null)
        {
            await writer.MoveHeadAsync(head, cancellation);
            _headInStore = head;
        }
    }

    private void Finish()
    {
        if (_saving!.IsCompletedSuccessfully)
        {
            foreach (var stream in _captured)
            {
                memory.Saved(stream.Entry, _covered.Position);
            }

            _marks.RemoveAll(m => m.Head.Position <= _headInStore.Position);
            _troubled = false;
        }
        else if (!_troubled && !_saving.IsCanceled)
        {
            _troubled = true;
            around.Log.LogWarning(_saving.Exception, "Partition {Partition}: snapshots cannot be saved now; the log grows longer to read at the next start", partition);
        }

        _saving = null;
        _captured = [];
    }

    /// <summary>
    /// The newest place that all streams are saved up to once this save is done, and that was folded long enough ago:
    /// ids of commands behind the head are remembered by nobody who starts from it.
    /// </summary>
    private Head? HeadThatMayBeNext(DateTimeOffset now)
    {
        for (var i = _marks.Count - 1; i >= 0; i--)
        {
            if (now - _marks[i].At >= options.Remember)
            {
                return _marks[i].Head;
            }
        }

        return null;
    }
}
