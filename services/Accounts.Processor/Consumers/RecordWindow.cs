using EventLog;

namespace Accounts.Processor.Consumers;

/// <summary>
/// The newest records of one partition, read once for every function that keeps up. A function that is behind the window
/// reads alone, so that it neither waits for the others nor holds them back.
/// </summary>
internal sealed class RecordWindow(LogReader log, int partition, Outage outage) : IDisposable
{
    private const int PageRecords = 16;

    // A position that was named is old when it is heard under load: whoever reads only so far is late by as much as the news.
    private const int Ahead = 4;
    private const int KeptEvents = 4_096;
    private const int BacklogPage = 96;
    private const int Backlog = 100;

    private readonly SemaphoreSlim _reading = new(1, 1);
    private readonly Lock _gate = new();
    private readonly List<LoggedRecord> _records = [];
    private int _events;
    private long _tail = -1;
    private long _heard;
    private long _wakes = 1;
    private long _exhausted;

    /// <summary>The last position read, or -1 before the first read.</summary>
    public long Tail
    {
        get
        {
            lock (_gate)
            {
                return _tail;
            }
        }
    }

    /// <summary>There may be more to read: up to a position that somebody named, or nobody knows how far.</summary>
    /// <returns>False when the position has been read already.</returns>
    public bool Wake(long? position)
    {
        lock (_gate)
        {
            if (position is { } named)
            {
                if (named <= _tail)
                {
                    return false;
                }

                _heard = Math.Max(_heard, named);
            }

            _wakes++;
            return true;
        }
    }

    /// <summary>Forgets everything: another replica may have worked on the partition meanwhile.</summary>
    public void Restart()
    {
        lock (_gate)
        {
            _records.Clear();
            (_events, _tail) = (0, -1);
            _wakes++;
        }
    }

    /// <summary>
    /// The records after a position, about as many as hold so many events. Empty at the end of the log, without asking
    /// the store again until somebody wakes the window.
    /// </summary>
    public async ValueTask<IReadOnlyList<LoggedRecord>> ReadAsync(long after, int events, CancellationToken cancellation)
    {
        if (TryTake(after, events, out var behind) is { } kept)
        {
            return kept;
        }

        if (behind)
        {
            return Take(await PageAsync(after, PageRecords, cancellation), 0, events);
        }

        await _reading.WaitAsync(cancellation);
        try
        {
            if (TryTake(after, events, out behind) is { } arrived)
            {
                return arrived;
            }

            long wakes;
            lock (_gate)
            {
                wakes = _wakes;
            }

            var limit = Limit(after);
            var page = await PageAsync(after, limit, cancellation);
            if (!behind)
            {
                Keep(after, page, limit, wakes);
            }

            return Take(page, 0, events);
        }
        finally
        {
            _reading.Release();
        }
    }

    /// <summary>So many records are between a position and those that are kept here that they are best read in bulk.</summary>
    public bool IsBacklog(long after)
    {
        lock (_gate)
        {
            return _tail - _records.Count - after > Backlog;
        }
    }

    /// <summary>Many records after a position, for whoever has a backlog.</summary>
    public async Task<IReadOnlyList<LoggedRecord>> ReadBacklogAsync(long after, int events, CancellationToken cancellation)
    {
        var records = new List<LoggedRecord>();
        for (var read = 0; read < events && (records.Count == 0 || IsBacklog(records[^1].Position));)
        {
            var page = await log.ReadAsync(partition, after + records.Count, BacklogPage, cancellation);
            outage.Answered();
            if (page.Count == 0)
            {
                break;
            }

            read += page.Sum(record => record.Events.Count);
            records.AddRange(page.Select(LoggedRecord.From));
        }

        return records;
    }

    public void Dispose() => _reading.Dispose();

    private int Limit(long after)
    {
        lock (_gate)
        {
            return _heard > after ? (int)Math.Clamp(_heard - after, Ahead, PageRecords) : PageRecords;
        }
    }

    private async Task<List<LoggedRecord>> PageAsync(long after, int limit, CancellationToken cancellation)
    {
        var page = await log.ReadAsync(partition, after, limit, cancellation);
        outage.Answered();
        return [.. page.Select(LoggedRecord.From)];
    }

    private List<LoggedRecord>? TryTake(long after, int events, out bool behind)
    {
        lock (_gate)
        {
            behind = _tail >= 0 && after < _tail - _records.Count;
            if (behind || _tail < 0 || after > _tail)
            {
                return null;
            }

            if (after < _tail)
            {
                return Take(_records, (int)(after - (_tail - _records.Count)), events);
            }

            return _exhausted == _wakes ? [] : null;
        }
    }

    private void Keep(long after, List<LoggedRecord> page, int limit, long wakes)
    {
        lock (_gate)
        {
            if (after != _tail)
            {
                _records.Clear();
                _events = 0;
            }

            var surplus = 0;
            while (surplus < _records.Count && _events > KeptEvents)
            {
                _events -= _records[surplus++].Events.Count;
            }

            _records.RemoveRange(0, surplus);
            _records.AddRange(page);
            _events += page.Sum(record => record.Events.Count);
            _tail = after + page.Count;

            // Whoever names a position names the next one too, so there is no need to read on just to find nothing.
            if (page.Count == 0 || (page.Count < limit && _heard > after && _heard <= _tail))
            {
                _exhausted = wakes;
            }
        }
    }

    private static List<LoggedRecord> Take(List<LoggedRecord> records, int from, int events)
    {
        var taken = new List<LoggedRecord>();
        for (var i = from; i < records.Count && (taken.Count == 0 || events > 0); i++)
        {
            events -= records[i].Events.Count;
            taken.Add(records[i]);
        }

        return taken;
    }
}
