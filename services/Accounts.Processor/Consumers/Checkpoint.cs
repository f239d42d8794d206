using System.Text.Json;
using Accounts.Contracts;
using EventLog;

namespace Accounts.Processor.Consumers;

/// <summary>
/// Up to where one function has done one partition. It is saved after the work and beside the next batch, and it only ever
/// grows: a rival that has come further wins.
/// </summary>
internal sealed class Checkpoint(string key, IStateStore views, Outage outage, TimeProvider time, Random chance) : IDisposable
{
    // Under load the newest position is saved a few times a second; when there is little to do, each one at once.
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(100);

    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _hurry = new();
    private Task _saving = Task.CompletedTask;
    private bool _busy;
    private CheckpointRow _done = new(0, 0);
    private CheckpointRow _saved = new(0, 0);

    /// <summary>The greatest position that is known to be done, by this replica or, as far as it has looked, by another.</summary>
    public long Done
    {
        get
        {
            lock (_gate)
            {
                return Math.Max(_done.Position, _saved.Position);
            }
        }
    }

    /// <summary>As <see cref="Done"/>; says whether others have come further than this replica since it was asked last.</summary>
    public long Advanced(out bool byOthers)
    {
        lock (_gate)
        {
            byOthers = _saved.Position > _done.Position;
            _done = byOthers ? _saved : _done;
            return _done.Position;
        }
    }

    public static byte[] ToJson(CheckpointRow row) => JsonSerializer.SerializeToUtf8Bytes(row, ContractsJson.Default.CheckpointRow);

    public static CheckpointRow Parse(StoredValue stored) => JsonSerializer.Deserialize(stored.Value.Span, ContractsJson.Default.CheckpointRow)!;

    /// <summary>Creates the checkpoints of a function before the first event, unless they are there.</summary>
    public static async Task CreateAsync(IStateStore views, ViewPointer at, string function, int partitions, CancellationToken cancellation)
    {
        foreach (var key in Enumerable.Range(0, partitions).Select(partition => RowKeys.Checkpoint(at, function, partition)))
        {
            try
            {
                await views.CreateAsync(key, ToJson(new CheckpointRow(0, 0)), cancellation);
            }
            catch (Exception) when (!cancellation.IsCancellationRequested)
            {
                if (await views.ReadAsync(key, cancellation) is null)
                {
                    throw;
                }
            }
        }
    }

    /// <summary>Looks how far others have come, however long the store is away.</summary>
    public async Task LoadAsync(CancellationToken cancellation)
    {
        var patience = new Patience(time, chance);
        while (true)
        {
            try
            {
                var (row, _) = await ReadAsync(cancellation);
                outage.Answered();
                lock (_gate)
                {
                    _saved = Further(_saved, row);
                }

                return;
            }
            catch (Exception cause) when (!cancellation.IsCancellationRequested)
            {
                outage.Failed(cause);
            }

            await patience.WaitAsync(cancellation);
        }
    }

    /// <summary>Everything up to this position is done. Does not wait until that is saved.</summary>
    /// <param name="position">The position.</param>
    /// <param name="events">How many events are in the records since <see cref="Advanced"/> was asked.</param>
    /// <param name="cancellation">Gives up the saving.</param>
    public void Advance(long position, int events, CancellationToken cancellation)
    {
        lock (_gate)
        {
            _done = Further(_done, new CheckpointRow(position, _done.Events + events));
            if (_done.Position > _saved.Position && !_busy)
            {
                _busy = true;
                _saving = Task.Run(() => SaveAsync(cancellation), CancellationToken.None);
            }
        }
    }

    /// <summary>Saves without delay what is not saved yet.</summary>
    public async Task FlushAsync()
    {
        await _hurry.CancelAsync();
        await _saving;
    }

    public void Dispose() => _hurry.Dispose();

    private async Task SaveAsync(CancellationToken cancellation)
    {
        var patience = new Patience(time, chance);
        while (true)
        {
            CheckpointRow target;
            lock (_gate)
            {
                target = _done;
                if (target.Position <= _saved.Position || cancellation.IsCancellationRequested)
                {
                    _busy = false;
                    return;
                }
            }

            try
            {
                var (row, etag) = await ReadAsync(cancellation);
                if (row.Position < target.Position)
                {
                    await views.ReplaceAsync(key, ToJson(target), etag, cancellation);
                }

                lock (_gate)
                {
                    _saved = Further(_saved, Further(row, target));
                }

                patience.Reset();
                await Task.Delay(Pace, time, _hurry.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception cause)
            {
                // A rival's save, or a store that is away: the next look at the row tells.
                if (!cancellation.IsCancellationRequested)
                {
                    outage.Failed(cause);
                    await patience.WaitAsync(cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                }
            }
        }
    }

    private static CheckpointRow Further(CheckpointRow one, CheckpointRow other) => other.Position > one.Position ? other : one;

    private async Task<(CheckpointRow Row, string ETag)> ReadAsync(CancellationToken cancellation)
    {
        var stored = await views.ReadAsync(key, cancellation)
            ?? throw new InvalidOperationException($"Checkpoint {key} is gone from component '{views.Name}'.");
        return (Parse(stored), stored.ETag);
    }
}
