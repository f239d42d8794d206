using Accounts.Contracts;
using EventLog;

namespace Accounts.Processor.Consumers;

/// <summary>
/// Saves the checkpoints of all functions on this replica, together those that have grown meanwhile: an event moves one of
/// every function, and a call for each would cost more than the work that they stand for.
/// </summary>
internal sealed class CheckpointSaver(IStateStore views, Outage outage, TimeProvider time) : IDisposable
{
    private const int RowsPerTransaction = 100;
    private const int InFlight = 16;

    // Clients wait until a view's checkpoint has come to a position, so it is saved soon; but saving must not keep the store busy.
    private const int RestsForEachSave = 4;
    private static readonly TimeSpan ShortestRest = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan LongestRest = TimeSpan.FromMilliseconds(100);

    private readonly Lock _gate = new();
    private CancellationTokenSource _resting = new();
    private HashSet<Checkpoint> _grown = [];
    private Task _saving = Task.CompletedTask;
    private bool _busy;

    /// <summary>What is stored, however long the store is away.</summary>
    public async Task<CheckpointRow> ReadAsync(string key, CancellationToken cancellation) =>
        (await outage.PersistAsync(() => StoredAsync(key, cancellation), cancellation)).Row;

    /// <summary>The checkpoint has grown. Does not wait until it is saved.</summary>
    public void Save(Checkpoint checkpoint, CancellationToken cancellation)
    {
        lock (_gate)
        {
            _grown.Add(checkpoint);
            if (!_busy)
            {
                _busy = true;
                _saving = Task.Run(() => SaveAsync(cancellation), CancellationToken.None);
            }
        }
    }

    /// <summary>Saves without delay what is not saved yet.</summary>
    public async Task FlushAsync()
    {
        Task saving;
        CancellationTokenSource resting;
        lock (_gate)
        {
            saving = _saving;
            (resting, _resting) = (_resting, new CancellationTokenSource());
        }

        await resting.CancelAsync();
        resting.Dispose();
        await saving;
    }

    public void Dispose() => _resting.Dispose();

    private async Task SaveAsync(CancellationToken cancellation)
    {
        var patience = outage.Patience();
        var failures = 0;
        while (true)
        {
            List<Checkpoint> grown;
            lock (_gate)
            {
                if (_grown.Count == 0 || cancellation.IsCancellationRequested)
                {
                    _busy = false;
                    return;
                }

                grown = [.. _grown.Where(checkpoint => checkpoint.Unsaved is not null)];
                _grown = [];
            }

            // Of what was saved together and failed nobody knows which row it was: then each alone.
            var began = time.GetTimestamp();
            var failure = await (failures == 0 ? TogetherAsync(grown, cancellation) : SinglyAsync(grown, cancellation));
            if (failure is null)
            {
                failures = 0;
                patience.Reset();
                var rest = Math.Clamp(RestsForEachSave * time.GetElapsedTime(began).Ticks, ShortestRest.Ticks, LongestRest.Ticks);
                await RestAsync(new TimeSpan(rest));
            }
            else if (!cancellation.IsCancellationRequested)
            {
                // A rival's save the first time, perhaps; else a store that is away. The next look at the rows tells.
                lock (_gate)
                {
                    _grown.UnionWith(grown);
                }

                if (failures++ > 0)
                {
                    outage.Failed(failure);
                    await patience.WaitAsync(cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }
            }
        }
    }

    private async Task RestAsync(TimeSpan rest)
    {
        CancellationToken interrupted;
        lock (_gate)
        {
            interrupted = _resting.Token;
        }

        await Task.Delay(rest, time, interrupted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task<Exception?> TogetherAsync(List<Checkpoint> grown, CancellationToken cancellation)
    {
        Exception? failure = null;
        foreach (var portion in grown.Chunk(RowsPerTransaction))
        {
            try
            {
                await SaveAsync(portion, cancellation);
            }
            catch (Exception cause)
            {
                failure = cause;
            }
        }

        return failure;
    }

    private async Task SaveAsync(Checkpoint[] portion, CancellationToken cancellation)
    {
        var stored = await views.ReadManyAsync([.. portion.Select(checkpoint => checkpoint.Key)], cancellation);
        var writes = new List<StateWrite>();
        var reached = new List<(Checkpoint Checkpoint, CheckpointRow Row)>();
        foreach (var checkpoint in portion)
        {
            if (checkpoint.Unsaved is not { } target)
            {
                continue;
            }

            var found = stored.TryGetValue(checkpoint.Key, out var value) ? value : throw Gone(checkpoint.Key);
            var row = Checkpoint.Parse(found);
            if (row.Position < target.Position)
            {
                writes.Add(new StateWrite(checkpoint.Key, Checkpoint.ToJson(target), WriteCondition.Unchanged, found.ETag));
                row = target;
            }

            reached.Add((checkpoint, row));
        }

        if (writes.Count > 0)
        {
            await views.TransactAsync(writes, cancellation);
        }

        reached.ForEach(saved => saved.Checkpoint.Saved(saved.Row));
    }

    private async Task<Exception?> SinglyAsync(List<Checkpoint> grown, CancellationToken cancellation)
    {
        Exception? failure = null;
        await Parallel.ForEachAsync(grown, new ParallelOptions { MaxDegreeOfParallelism = InFlight }, async (checkpoint, _) =>
        {
            try
            {
                if (checkpoint.Unsaved is { } target)
                {
                    var (row, etag) = await StoredAsync(checkpoint.Key, cancellation);
                    if (row.Position < target.Position)
                    {
                        await views.ReplaceAsync(checkpoint.Key, Checkpoint.ToJson(target), etag, cancellation);
                        row = target;
                    }

                    checkpoint.Saved(row);
                }
            }
            catch (Exception cause)
            {
                failure = cause;
            }
        });
        return failure;
    }

    private async Task<(CheckpointRow Row, string ETag)> StoredAsync(string key, CancellationToken cancellation)
    {
        var stored = await views.ReadAsync(key, cancellation) ?? throw Gone(key);
        return (Checkpoint.Parse(stored), stored.ETag);
    }

    private InvalidOperationException Gone(string key) => new($"Checkpoint {key} is gone from component '{views.Name}'.");
}
