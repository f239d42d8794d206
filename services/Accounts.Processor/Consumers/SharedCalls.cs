namespace Accounts.Processor.Consumers;

/// <summary>
/// Small calls that travel together, whichever function and partition they are for: through a sidecar a call costs more than the few
/// rows in it. Whoever calls notices a moment's delay and nothing else. What failed together is tried again by each alone, so that a
/// failure is the failure of whoever caused it; and nobody waits long for others: after a silence all calls go alone for a while.
/// </summary>
/// <param name="send">Makes one call of one or several, of which none is known to have come before another.</param>
/// <param name="share">How much of what one call may carry a call needs. What needs more than half does not wait for company.</param>
/// <param name="unique">What no two in one call may have in common.</param>
/// <param name="silence">How long a call may take before its company is not waited for. Infinite: as long as it takes.</param>
/// <param name="time">The clock.</param>
internal sealed class SharedCalls<TCall, TResult>(
    Func<IReadOnlyList<TCall>, CancellationToken, Task<TResult>> send, Func<TCall, double> share, Func<TCall, IEnumerable<string>> unique,
    TimeSpan silence, TimeProvider time)
{
    // All functions of all partitions are woken at once, and want the same of the sidecar a moment later.
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan ApartFor = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private List<Group> _waiting = [];
    private bool _departing;
    private long _departed;
    private long _silent;

    /// <summary>The result of the call in which this one went.</summary>
    /// <param name="call">What to do; it may be done again when its company fails.</param>
    /// <param name="cancellation">Ends the wait; what becomes of the call is unknown then.</param>
    public async Task<TResult> CallAsync(TCall call, CancellationToken cancellation)
    {
        if (share(call) is <= 0.5 and var needs && !Apart)
        {
            var group = Join(call, needs);
            try
            {
                return await group.Answer.WaitAsync(silence, time, cancellation);
            }
            catch (TimeoutException) when (!group.Answer.IsCompleted)
            {
                GoApart();
            }
            catch (Exception) when (!cancellation.IsCancellationRequested)
            {
            }

            if (group.Calls.Count == 1)
            {
                return await group.Answer.WaitAsync(cancellation);
            }
        }

        var began = time.GetTimestamp();
        try
        {
            return await send([call], cancellation);
        }
        finally
        {
            if (silence != Timeout.InfiniteTimeSpan && time.GetElapsedTime(began) > silence)
            {
                GoApart();
            }
        }
    }

    private bool Apart => Interlocked.Read(ref _silent) is not 0 and var since && time.GetElapsedTime(since) < ApartFor;

    private void GoApart() => Interlocked.Exchange(ref _silent, time.GetTimestamp());

    private Group Join(TCall call, double needs)
    {
        Group group;
        lock (_gate)
        {
            var keys = unique(call).ToArray();
            if (_waiting.Find(waiting => waiting.Free >= needs && !waiting.Keys.Overlaps(keys)) is { } found)
            {
                group = found;
            }
            else
            {
                _waiting.Add(group = new Group());
            }

            group.Calls.Add(call);
            group.Keys.UnionWith(keys);
            group.Free -= needs;
            if (_departing)
            {
                return group;
            }

            _departing = true;
        }

        _ = DepartAsync();
        return group;
    }

    private async Task DepartAsync()
    {
        var left = Beat - time.GetElapsedTime(Interlocked.Read(ref _departed));
        await Task.Delay(left > Moment ? left : Moment, time);
        List<Group> groups;
        lock (_gate)
        {
            (groups, _waiting) = (_waiting, []);
            _departing = false;
            Interlocked.Exchange(ref _departed, time.GetTimestamp());
        }

        groups.ForEach(group => _ = group.GoAsync(send));
    }

    private sealed class Group
    {
        private readonly TaskCompletionSource<TResult> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public List<TCall> Calls { get; } = [];

        public HashSet<string> Keys { get; } = [];

        public double Free { get; set; } = 1;

        public Task<TResult> Answer => _answer.Task;

        public async Task GoAsync(Func<IReadOnlyList<TCall>, CancellationToken, Task<TResult>> send)
        {
            try
            {
                // Nobody's cancellation is the others'.
                _answer.SetResult(await send(Calls, CancellationToken.None));
            }
            catch (Exception cause)
            {
                _answer.SetException(cause);
            }
        }
    }
}
