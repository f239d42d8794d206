namespace Accounts.Processor.Consumers;

/// <summary>One partition on this replica: its records, and the functions that take them.</summary>
internal sealed class PartitionConsumer(int partition, RecordWindow window, IReadOnlyDictionary<string, FunctionRunner> runners, Func<int, bool> holds)
{
    private readonly Lock _gate = new();
    private bool _atWork;
    private bool _borrowed;
    private bool _woken;

    public int Partition => partition;

    /// <summary>
    /// This replica works on the partition: it holds the route, or the route is silent. Others may believe the same of
    /// themselves; the rows' ETags make that safe.
    /// </summary>
    public bool Active => Borrowed || Held;

    /// <summary>The route leads here.</summary>
    public bool Held => holds(partition);

    /// <summary>Works on the partition although the route leads elsewhere, or nowhere.</summary>
    public bool Borrowed
    {
        get => Volatile.Read(ref _borrowed);
        set => Volatile.Write(ref _borrowed, value);
    }

    /// <summary>
    /// There is more to read: as far as this position (0: perhaps not), or nobody knows how far (null). Nothing happens
    /// unless the partition is worked on here.
    /// </summary>
    public void Wake(long? position)
    {
        bool begins;
        lock (_gate)
        {
            var active = Active;
            begins = active && !_atWork;
            _atWork = active;
            if (begins)
            {
                window.Restart();
            }
            else if (!_atWork || !window.Wake(position))
            {
                return;
            }

            _woken |= position > 0;
        }

        foreach (var runner in runners.Values)
        {
            runner.Wake(begins);
        }
    }

    /// <summary>Time has gone by.</summary>
    public void Tick()
    {
        foreach (var runner in runners.Values)
        {
            runner.Tick();
        }
    }

    /// <summary>Something was asked of the accounts that a function holds back.</summary>
    public void Recheck(string function)
    {
        if (runners.TryGetValue(function, out var runner))
        {
            runner.Recheck();
        }
    }

    /// <summary>
    /// The position after the last one read, when nobody has named one since the last look; null when there is no need
    /// to look.
    /// </summary>
    public long? NextUnheard()
    {
        Wake(0);
        lock (_gate)
        {
            var quiet = _atWork && !_woken && window.Tail >= 0;
            _woken = false;
            return quiet ? window.Tail + 1 : null;
        }
    }

    /// <summary>Runs the functions until the service stops.</summary>
    public Task RunAsync(CancellationToken stopping, CancellationToken cancellation) =>
        Task.WhenAll(runners.Values.Select(runner => runner.RunAsync(MayGoOn, stopping, cancellation)));

    /// <summary>
    /// A function that has to stop half-way is begun anew as soon as the partition is worked on here again, be it at once:
    /// others may have read on to the end, and then nothing else would ever wake it.
    /// </summary>
    private bool MayGoOn()
    {
        if (Active)
        {
            return true;
        }

        lock (_gate)
        {
            _atWork = false;
        }

        return false;
    }
}
