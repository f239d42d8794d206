using Accounts.Processor.Functions;
using Accounts.Processor.Generations;
using Accounts.Processor.Operations;

namespace Accounts.Processor.Consumers;

/// <summary>A function, and for a view the generation that it fills.</summary>
internal readonly record struct Filling(Function Function, string Generation);

/// <summary>One partition on this replica: its records, and the functions that take them.</summary>
internal sealed class PartitionConsumer(
    int partition, RecordWindow window, Func<PartitionConsumer, Filling, FunctionRunner> make, FunctionControls controls, Func<int, bool> holds)
{
    private readonly Lock _gate = new();
    private readonly List<Task> _running = [];
    private volatile IReadOnlyDictionary<Filling, (FunctionRunner Runner, CancellationTokenSource End)> _runners =
        new Dictionary<Filling, (FunctionRunner, CancellationTokenSource)>();
    private bool _atWork;
    private bool _borrowed;
    private bool _woken;

    public int Partition => partition;

    /// <summary>The newest records.</summary>
    public RecordWindow Window => window;

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

        foreach (var (runner, _) in _runners.Values)
        {
            runner.Wake(begins);
        }
    }

    /// <summary>Time has gone by.</summary>
    public void Tick()
    {
        foreach (var (runner, _) in _runners.Values)
        {
            runner.Tick();
        }
    }

    /// <summary>Something was asked of the accounts that a function holds back.</summary>
    public void Recheck(string function)
    {
        foreach (var (_, (runner, _)) in _runners.Where(running => running.Key.Function.Name == function))
        {
            runner.Recheck();
        }
    }

    /// <summary>Runs what is to be filled, and ends what is not. Called by one at a time.</summary>
    public void Fill(IReadOnlyCollection<Filling> wanted, CancellationToken stopping, CancellationToken cancellation)
    {
        var before = _runners;
        if (wanted.Count == before.Count && wanted.All(before.ContainsKey))
        {
            return;
        }

        var after = before.Where(running => wanted.Contains(running.Key)).ToDictionary();
        foreach (var filling in wanted.Where(filling => !before.ContainsKey(filling)))
        {
            var end = CancellationTokenSource.CreateLinkedTokenSource(stopping);
            var runner = make(this, filling);
            after[filling] = (runner, end);
            _running.Add(Task.Run(() => runner.RunAsync(MayGoOn, end.Token, cancellation), CancellationToken.None));
        }

        _runners = after;
        foreach (var (filling, (runner, end)) in before.Concat(after))
        {
            if (!wanted.Contains(filling))
            {
                end.Cancel();
            }
            else if (!before.ContainsKey(filling))
            {
                runner.Wake(begins: true);
            }
        }
    }

    /// <summary>The last position that may be done now; -1: none.</summary>
    public long Permitted(Filling filling) => !controls.MayWork(filling.Function.Name) ? -1
        : Leader(filling) is not { } leader ? long.MaxValue
        : _runners.TryGetValue(leader, out var leading) ? leading.Runner.Done
        : -1;

    /// <summary>More is done: whoever follows may go on.</summary>
    public void Advanced(Filling filling)
    {
        foreach (var (other, (runner, _)) in _runners)
        {
            if (other != filling && other.Function == filling.Function && Leader(other) == filling)
            {
                runner.Wake(begins: false);
            }
        }
    }

    /// <summary>What keeps functions from going on here, or kept them the last time.</summary>
    public IEnumerable<(Filling Filling, TroubleRow Trouble)> Troubles()
    {
        foreach (var (filling, (runner, _)) in _runners)
        {
            if (runner.LastTrouble() is { } trouble)
            {
                yield return (filling, trouble);
            }
        }
    }

    /// <summary>How many accounts a function holds back here, in whichever generation it is most.</summary>
    public int HeldBy(Function function) => _runners
        .Where(running => running.Key.Function.Name == function.Name).Select(running => running.Value.Runner.Held).DefaultIfEmpty().Max();

    private Filling? Leader(Filling filling) =>
        controls[filling.Function.Name].Row.Change is { Phase: not ChangePhase.Filling } change && change.To != filling.Generation
            ? filling with { Generation = change.To }
            : null;

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

    /// <summary>Ends when everything has that ran here, after the service was stopped.</summary>
    public async Task EndAsync(CancellationToken stopping)
    {
        await Task.Delay(Timeout.Infinite, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.WhenAll([.. _running]);
    }

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
