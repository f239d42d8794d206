namespace Accounts.Query;

/// <summary>
/// Reads of single rows. Whoever comes while few are under way reads alone and at once; whoever comes while the sidecar is busy goes with all
/// others that wait, in the next call: through a sidecar a call costs far more than a row in it. A call takes only those that came before
/// it, so nobody reads what was true before he asked. Nobody waits long for others: what takes long, or fails, is read alone.
/// </summary>
/// <param name="one">Reads a row; null when it is missing.</param>
/// <param name="many">Reads several in one call; missing ones are absent from the answer.</param>
/// <param name="time">The clock.</param>
internal sealed class SharedReads(
    Func<string, CancellationToken, Task<ReadOnlyMemory<byte>?>> one, Func<IReadOnlyList<string>, Task<IReadOnlyDictionary<string, ReadOnlyMemory<byte>>>> many, TimeProvider time)
{
    // One is on its way to the store while another one's answers are written.
    private const int Calls = 2;
    private const int RowsTogether = 100;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(0.25);

    private readonly Lock _gate = new();
    private readonly List<Waiting> _waiting = [];
    private int _underWay;

    /// <summary>The row as it is at some moment between the call and its answer; null when it is missing.</summary>
    public async Task<ReadOnlyMemory<byte>?> ReadAsync(string key, CancellationToken cancellation)
    {
        if (Join(key) is { } waiting)
        {
            try
            {
                return await waiting.Row.Task.WaitAsync(Patience, time, cancellation);
            }
            catch (Exception)
            {
                // Its company was slow, or failed: by its fault or not. Or nobody waits for it any more.
                waiting.HasLeft = true;
                cancellation.ThrowIfCancellationRequested();
                return await one(key, cancellation);
            }
        }

        try
        {
            return await one(key, cancellation);
        }
        finally
        {
            GoOn();
        }
    }

    /// <summary>A place in the next call; null when there is room for one more at once, which <see cref="GoOn"/> ends.</summary>
    private Waiting? Join(string key)
    {
        lock (_gate)
        {
            if (_underWay < Calls)
            {
                _underWay++;
                return null;
            }

            var waiting = new Waiting(key);
            _waiting.Add(waiting);
            return waiting;
        }
    }

    private void GoOn()
    {
        List<Waiting> next;
        lock (_gate)
        {
            _waiting.RemoveAll(waiting => waiting.HasLeft);
            next = _waiting[..Math.Min(_waiting.Count, RowsTogether)];
            _waiting.RemoveRange(0, next.Count);
            if (next.Count == 0)
            {
                _underWay--;
                return;
            }
        }

        _ = ReadAsync(next);
    }

    private async Task ReadAsync(List<Waiting> together)
    {
        try
        {
            var rows = await many([.. together.Select(waiting => waiting.Key).Distinct()]);

            // Without its type, null would become an empty value.
            together.ForEach(waiting => waiting.Row.TrySetResult(rows.TryGetValue(waiting.Key, out var row) ? row : (ReadOnlyMemory<byte>?)null));
        }
        catch (Exception cause)
        {
            together.ForEach(waiting => waiting.Row.TrySetException(cause));
        }
        finally
        {
            GoOn();
        }
    }

    private sealed class Waiting(string key)
    {
        public string Key { get; } = key;

        public TaskCompletionSource<ReadOnlyMemory<byte>?> Row { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public volatile bool HasLeft;
    }
}
