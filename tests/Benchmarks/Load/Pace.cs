using System.Diagnostics;

namespace Benchmarks;

/// <summary>
/// When requests are sent. At a rate, each is due at its own time and its wait counts from there, also when no connection was
/// free then; without one, each connection sends when it has its answer.
/// </summary>
/// <param name="rate">Requests a second; 0: as fast as can be.</param>
/// <param name="requests">How many at most; 0: until the end is called.</param>
internal sealed class Pace(double rate, int requests = 0)
{
    private readonly Lock _gate = new();
    private readonly Stack<LoadConnection> _idle = new();
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _allSent = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _started;
    private long _sent;
    private int _busy;
    private bool _ended;

    /// <summary>Ends when all connections are idle after <see cref="EndAsync"/>.</summary>
    private Task Drained => _drained.Task;

    /// <summary>Sets all connections to work.</summary>
    public void Begin(IReadOnlyList<LoadConnection> connections)
    {
        _started = Stopwatch.GetTimestamp();
        _busy = connections.Count;
        foreach (var connection in connections)
        {
            if (Next(connection) is { } due)
            {
                connection.Start(due);
            }
        }

        if (rate > 0)
        {
            new Thread(Tick) { IsBackground = true, Name = "pace" }.Start();
        }
    }

    /// <summary>When the next request of this connection is due, if it is by now; else the connection is idle.</summary>
    public long? Next(LoadConnection connection)
    {
        if (rate <= 0 && !_ended)
        {
            if (requests == 0 || Interlocked.Increment(ref _sent) <= requests)
            {
                return Stopwatch.GetTimestamp();
            }

            _allSent.TrySetResult();
        }

        lock (_gate)
        {
            if (!_ended && DueNow() is { } due)
            {
                return due;
            }

            _idle.Push(connection);
        }

        Left();
        return null;
    }

    /// <summary>A connection works no more.</summary>
    public void Left()
    {
        if (Interlocked.Decrement(ref _busy) == 0 && _ended)
        {
            _drained.TrySetResult();
        }
    }

    /// <summary>Ends when as many are sent as there are to be.</summary>
    public Task AllSentAsync() => _allSent.Task;

    /// <summary>Sends no more, and waits for the answers to what was sent.</summary>
    /// <returns>How many answers did not come.</returns>
    public async Task<int> EndAsync(TimeSpan patience)
    {
        lock (_gate)
        {
            _ended = true;
        }

        if (Volatile.Read(ref _busy) > 0)
        {
            await Task.WhenAny(Drained, Task.Delay(patience));
        }

        return Volatile.Read(ref _busy);
    }

    private void Tick()
    {
        while (!_ended)
        {
            Thread.Sleep(1);
            while (Wake() is var (connection, due))
            {
                connection.Start(due);
            }
        }
    }

    private (LoadConnection Connection, long Due)? Wake()
    {
        lock (_gate)
        {
            if (_ended || _idle.Count == 0 || DueNow() is not { } due)
            {
                return null;
            }

            Interlocked.Increment(ref _busy);
            return (_idle.Pop(), due);
        }
    }

    private long? DueNow()
    {
        if (rate <= 0)
        {
            return null;
        }

        var due = _started + (long)(_sent / rate * Stopwatch.Frequency);
        if (due > Stopwatch.GetTimestamp())
        {
            return null;
        }

        _sent++;
        return due;
    }
}
