namespace Accounts.Processor.Tests.InProcess;

/// <summary>Time in which nothing is worth waiting for: every timer is due at once.</summary>
internal sealed class HastyTime : TimeProvider
{
    private int _timers;

    /// <summary>How often somebody wanted to wait.</summary>
    public int Timers => Volatile.Read(ref _timers);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        Interlocked.Increment(ref _timers);
        return System.CreateTimer(callback, state, dueTime == Timeout.InfiniteTimeSpan ? dueTime : TimeSpan.Zero, period);
    }
}
