namespace EventLog.Tests.Simulation;

/// <summary>How often what goes wrong; each a probability per call.</summary>
public sealed record Faults
{
    public double FailBefore { get; init; }
    public double FailAfter { get; init; }

    /// <summary>The caller gets an error, and the write is carried out later.</summary>
    public double LandsLater { get; init; }

    /// <summary>The write is carried out after up to four seconds, and the caller waits for it.</summary>
    public double Hangs { get; init; }

    public double ReadFails { get; init; }

    public double TransactionFails { get; init; }

    /// <summary>A failed item of a bulk read; the call fails as a whole, as <see cref="IStateStore"/> wants it.</summary>
    public double ItemFails { get; init; }

    /// <summary>
    /// A bulk read does not see the records of the last <see cref="LagMilliseconds"/>. Records only: what else is trusted to
    /// be the newest, and why, is in docs/decisions.
    /// </summary>
    public double BulkReadLags { get; init; }

    public int LagMilliseconds { get; init; }

    public int SlowMilliseconds { get; init; } = 3;

    public static Faults None { get; } = new();
}

/// <summary>A key's value.</summary>
/// <param name="Fenced">A single create made it.</param>
/// <param name="At">When it was written.</param>
public readonly record struct SimulatedRow(byte[] Value, long ETag, bool Fenced, TimeSpan At = default);

/// <summary>What the store of a whole run holds; replicas reach it through <see cref="SimulatedStore"/>.</summary>
public sealed class SimulatedDatabase
{
    public Dictionary<string, SimulatedRow> Rows { get; } = [];

    /// <summary>The time of writes.</summary>
    public Func<TimeSpan> Now { get; init; } = () => TimeSpan.Zero;

    /// <summary>Called with each value of a key that is written.</summary>
    public Action<string, byte[]>? Written { get; set; }

    /// <summary>
    /// Behaves as Redis: transactions neither roll back nor honour creates, and only a key that a single create made is
    /// fenced against creates.
    /// </summary>
    public bool LikeRedis { get; init; }

    private long _etags;

    public bool TryWrite(StateWrite write, bool inTransaction)
    {
        var exists = Rows.TryGetValue(write.Key, out var row);
        var allowed = write.Condition switch
        {
            WriteCondition.Missing => !exists || (LikeRedis && !row.Fenced),
            WriteCondition.Unchanged => exists ? write.ETag == row.ETag.ToString(System.Globalization.CultureInfo.InvariantCulture) : LikeRedis,
            _ => true,
        };
        if (allowed)
        {
            Rows[write.Key] = new(write.Value.ToArray(), ++_etags, row.Fenced || (write.Condition is WriteCondition.Missing && !inTransaction), Now());
            Written?.Invoke(write.Key, Rows[write.Key].Value);
        }

        return allowed;
    }

    public bool TryTransact(IReadOnlyList<StateWrite> writes)
    {
        if (LikeRedis)
        {
            return writes.Aggregate(true, (all, write) => TryWrite(write, inTransaction: true) && all);
        }

        var possible = writes.All(w => w.Condition switch
        {
            WriteCondition.Missing => !Rows.ContainsKey(w.Key),
            WriteCondition.Unchanged => Rows.TryGetValue(w.Key, out var row) && w.ETag == row.ETag.ToString(System.Globalization.CultureInfo.InvariantCulture),
            _ => true,
        });
        return possible && writes.All(w => TryWrite(w, inTransaction: true));
    }
}

/// <summary>A store component as one replica sees it, with failures that the seed chooses.</summary>
public sealed class SimulatedStore(VirtualWorld world, SimulatedDatabase database, Func<Faults> faults) : IStateStore
{
    public string Name => "simulated";

    /// <summary>Reads so far, by key's kind, for tests that count them.</summary>
    public int Reads { get; private set; }

    public Task<string?> DescribeAsync(CancellationToken cancellation) => Task.FromResult<string?>("simulated");

    public async Task<StoredValue?> ReadAsync(string key, CancellationToken cancellation)
    {
        await BeforeReadAsync(cancellation);
        var value = Find(key);
        await AfterAsync(cancellation);
        return value;
    }

    public async Task<IReadOnlyDictionary<string, StoredValue>> ReadManyAsync(IReadOnlyList<string> keys, CancellationToken cancellation)
    {
        var found = new Dictionary<string, StoredValue>();
        if (keys.Count == 0)
        {
            return found;
        }

        await BeforeReadAsync(cancellation);

        var lag = TimeSpan.FromMilliseconds(world.Happens(faults().BulkReadLags) ? faults().LagMilliseconds : 0);

        // Not a snapshot: between two keys others may write.
        foreach (var key in keys)
        {
            if (world.Happens(0.02))
            {
                await world.PauseAsync(2, cancellation);
            }

            if (Find(key) is { } value && !Lags(key, lag))
            {
                if (world.Happens(faults().ItemFails))
                {
                    throw new IOException($"simulated: item {key} failed");
                }

                found[key] = value;
            }
        }

        await AfterAsync(cancellation);
        return found;
    }

    public Task CreateAsync(string key, ReadOnlyMemory<byte> value, CancellationToken cancellation) =>
        WriteAsync(() => database.TryWrite(new StateWrite(key, value, WriteCondition.Missing), inTransaction: false), cancellation);

    public Task ReplaceAsync(string key, ReadOnlyMemory<byte> value, string etag, CancellationToken cancellation) =>
        WriteAsync(() => database.TryWrite(new StateWrite(key, value, WriteCondition.Unchanged, etag), inTransaction: false), cancellation);

    public Task TransactAsync(IReadOnlyList<StateWrite> writes, CancellationToken cancellation) =>
        world.Happens(faults().TransactionFails)
            ? Task.FromException(new IOException("simulated: the transaction failed"))
            : WriteAsync(() => database.TryTransact(writes), cancellation);

    public Task DeleteAsync(string key, CancellationToken cancellation) => WriteAsync(() => database.Rows.Remove(key) || true, cancellation);

    private async Task WriteAsync(Func<bool> write, CancellationToken cancellation)
    {
        await world.PauseAsync(world.Happens(faults().Hangs) ? 4000 : faults().SlowMilliseconds, cancellation);
        if (world.Happens(faults().FailBefore))
        {
            throw new IOException("simulated: failed before the write");
        }

        if (world.Happens(faults().LandsLater))
        {
            // Often just about when the caller looks, sometimes long after.
            var pause = world.Chance.Next(200);
            world.Later(TimeSpan.FromMilliseconds(pause + world.Chance.Next(world.Happens(0.7) ? 12 : 3000)), () => write());
            await Task.Delay(TimeSpan.FromMilliseconds(pause), world.Clock(), cancellation);
            throw new IOException("simulated: timed out");
        }

        var written = write();
        if (written && world.Happens(faults().FailAfter))
        {
            throw new IOException("simulated: failed after the write");
        }

        await AfterAsync(cancellation);
        if (!written)
        {
            throw new IOException("simulated: the condition does not hold");
        }
    }

    private async Task BeforeReadAsync(CancellationToken cancellation)
    {
        Reads++;
        await world.PauseAsync(faults().SlowMilliseconds, cancellation);
        if (world.Happens(faults().ReadFails))
        {
            throw new IOException("simulated: the read failed");
        }
    }

    private Task AfterAsync(CancellationToken cancellation) => world.PauseAsync(faults().SlowMilliseconds, cancellation);

    private StoredValue? Find(string key) =>
        database.Rows.TryGetValue(key, out var row)
            ? new StoredValue(row.Value, row.ETag.ToString(System.Globalization.CultureInfo.InvariantCulture))
            : null;

    private bool Lags(string key, TimeSpan lag) =>
        lag > TimeSpan.Zero && key.Contains(".r.", StringComparison.Ordinal) && database.Rows[key].At > world.Now - lag;
}
