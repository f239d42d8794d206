using System.Text.Json;
using Accounts.Contracts;
using EventLog;

namespace Accounts.Processor.Consumers;

/// <summary>
/// Up to where one function has done one partition. It is saved after the work and beside the next batch, and it only ever
/// grows: a rival that has come further wins.
/// </summary>
internal sealed class Checkpoint(string key, CheckpointSaver saver)
{
    private readonly Lock _gate = new();
    private CheckpointRow _done = new(0, 0);
    private CheckpointRow _saved = new(0, 0);

    public string Key => key;

    /// <summary>What is done and not known to be saved, by whomever; null when there is nothing.</summary>
    public CheckpointRow? Unsaved
    {
        get
        {
            lock (_gate)
            {
                return _done.Position > _saved.Position ? _done : null;
            }
        }
    }

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
            await views.CreateUnlessThereAsync(key, ToJson(new CheckpointRow(0, 0)), cancellation);
        }
    }

    /// <summary>Looks how far others have come, however long the store is away.</summary>
    public async Task LoadAsync(CancellationToken cancellation) => Saved(await saver.ReadAsync(key, cancellation));

    /// <summary>So it is in the store.</summary>
    public void Saved(CheckpointRow row)
    {
        lock (_gate)
        {
            _saved = Further(_saved, row);
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
        }

        saver.Save(this, cancellation);
    }

    /// <summary>Saves without delay what is not saved yet.</summary>
    public Task FlushAsync() => saver.FlushAsync();

    private static CheckpointRow Further(CheckpointRow one, CheckpointRow other) => other.Position > one.Position ? other : one;
}
