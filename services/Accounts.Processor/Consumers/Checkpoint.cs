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
    private long _done;
    private long _saved;

    /// <summary>The greatest position that is known to be done, by this replica or, as far as it has looked, by another.</summary>
    public long Done
    {
        get
        {
            lock (_gate)
            {
                return Math.Max(_done, _saved);
            }
        }
    }

    /// <summary>As <see cref="Done"/>; says whether others have come further than this replica since it was asked last.</summary>
    public long Advanced(out bool byOthers)
    {
        lock (_gate)
        {
            var done = Math.Max(_done, _saved);
            byOthers = done > _done;
            _done = done;
            return done;
        }
    }

    public static byte[] ToJson(long position) =>
        JsonSerializer.SerializeToUtf8Bytes(new CheckpointRow(position), ContractsJson.Default.CheckpointRow);

    /// <summary>Looks how far others have come, however long the store is away.</summary>
    public async Task LoadAsync(CancellationToken cancellation)
    {
        var patience = new Patience(time, chance);
        while (true)
        {
            try
            {
                var (position, _) = await ReadAsync(cancellation);
                outage.Answered();
                lock (_gate)
                {
                    _saved = Math.Max(_saved, position);
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
    public void Advance(long position, CancellationToken cancellation)
    {
        lock (_gate)
        {
            _done = Math.Max(_done, position);
            if (_done > _saved && !_busy)
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
            long target;
            lock (_gate)
            {
                target = _done;
                if (target <= _saved || cancellation.IsCancellationRequested)
                {
                    _busy = false;
                    return;
                }
            }

            try
            {
                var (position, etag) = await ReadAsync(cancellation);
                if (position < target)
                {
                    await views.ReplaceAsync(key, ToJson(target), etag, cancellation);
                }

                lock (_gate)
                {
                    _saved = Math.Max(_saved, Math.Max(position, target));
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

    private async Task<(long Position, string ETag)> ReadAsync(CancellationToken cancellation)
    {
        var stored = await views.ReadAsync(key, cancellation)
            ?? throw new InvalidOperationException($"Checkpoint {key} is gone from component '{views.Name}'.");
        return (JsonSerializer.Deserialize(stored.Value.Span, ContractsJson.Default.CheckpointRow)!.Position, stored.ETag);
    }
}
