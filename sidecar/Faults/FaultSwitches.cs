using System.Collections.Concurrent;

namespace Sidecar.Faults;

/// <summary>
/// The faults in force, asked wherever a call or a message passes. Without any, asking costs one look at a field.
/// </summary>
/// <param name="time">Measures delays.</param>
/// <param name="chance">Decides where a rate is below 1; used by many at once, as <see cref="Random.Shared"/> can be.</param>
internal sealed class FaultSwitches(TimeProvider time, Random chance)
{
    private static readonly TimeSpan LongestReorder = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, TaskCompletionSource> _held = new(StringComparer.Ordinal);
    private InForce _now = new([]);

    /// <summary>The faults in force.</summary>
    public IReadOnlyList<Fault> List => Volatile.Read(ref _now).Faults;

    /// <summary>Whether there are none, as is usual.</summary>
    public bool None => List.Count == 0;

    /// <summary>Puts a list in the place of the one before. What waited because of that one goes on, and meets the new one.</summary>
    public void Replace(IReadOnlyList<Fault> faults) => Interlocked.Exchange(ref _now, new InForce(faults)).Over.SetResult();

    /// <summary>The error of a call that a fault fails.</summary>
    public static string Words(string on, FaultKind kind) => kind == FaultKind.FailBefore
        ? $"fault injected on {on}: failed before it was done"
        : $"fault injected on {on}: failed after it was done";

    /// <summary>
    /// What an app's call meets. Returns when it may go on, or when it has to fail: one that is lost fails when its caller can have
    /// given up, at the end of the list that lost it.
    /// </summary>
    /// <param name="on">Where it passes.</param>
    /// <param name="app">Whose it is; null: nobody's, as with timers.</param>
    /// <param name="kinds">The kinds that concern it.</param>
    /// <param name="cancellation">The caller has left.</param>
    /// <returns>Which of the kinds that are not over by now it has to suffer.</returns>
    public ValueTask<FaultKind> MeetAsync(string on, string? app, FaultKind kinds, CancellationToken cancellation) =>
        None ? default : WaitAsync(on, app, kinds, cancellation);

    /// <summary>A call is through: one that was held back for it goes on.</summary>
    public void Passed(string on)
    {
        if (!_held.IsEmpty && _held.TryRemove(on, out var held))
        {
            held.SetResult();
        }
    }

    /// <summary>What a message meets on its way from one app to another, and how late it comes.</summary>
    public (FaultKind Kinds, TimeSpan Delay) OfMessage(string on, string publisher, string subscriber)
    {
        var faults = List;
        return faults.Count == 0
            ? default
            : Throw(faults, FaultKind.Lose | FaultKind.Repeat | FaultKind.Reorder | FaultKind.Delay, on, publisher, subscriber);
    }

    /// <summary>Ends when the time is over, or the faults of this moment are.</summary>
    public Task PauseAsync(TimeSpan pause) => Task.WhenAny(Volatile.Read(ref _now).Over.Task, Task.Delay(pause, time));

    private async ValueTask<FaultKind> WaitAsync(string on, string? app, FaultKind kinds, CancellationToken cancellation)
    {
        while (true)
        {
            var now = Volatile.Read(ref _now);
            var (met, delay) = Throw(now.Faults, kinds, on, app, app);
            if ((met & FaultKind.Block) != 0)
            {
                await now.Over.Task.WaitAsync(cancellation);
                continue;
            }

            if ((met & FaultKind.Lose) != 0)
            {
                await now.Over.Task.WaitAsync(cancellation);
                return FaultKind.FailBefore;
            }

            if (delay > TimeSpan.Zero && await IsOverAsync(now, delay, cancellation))
            {
                continue;
            }

            if ((met & FaultKind.Reorder) != 0)
            {
                await HoldAsync(on, now, cancellation);
            }

            return met;
        }
    }

    /// <summary>Holds a call back until another one has passed; with one held already, this is the other one.</summary>
    private async Task HoldAsync(string on, InForce now, CancellationToken cancellation)
    {
        var held = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!_held.TryAdd(on, held))
        {
            return;
        }

        try
        {
            await Task.WhenAny(held.Task, now.Over.Task).WaitAsync(LongestReorder, time, cancellation);
        }
        catch (TimeoutException)
        {
            // No other one came.
        }
        finally
        {
            _held.TryRemove(new(on, held));
        }
    }

    private async Task<bool> IsOverAsync(InForce now, TimeSpan delay, CancellationToken cancellation)
    {
        try
        {
            await now.Over.Task.WaitAsync(delay, time, cancellation);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private (FaultKind Kinds, TimeSpan Delay) Throw(IReadOnlyList<Fault> faults, FaultKind kinds, string on, string? one, string? other)
    {
        var (met, delay) = (FaultKind.None, TimeSpan.Zero);
        foreach (var fault in faults)
        {
            if ((fault.Do & kinds) != 0 && fault.On == on && (fault.App is null || fault.App == one || fault.App == other)
                && (fault.Rate >= 1 || chance.NextDouble() < fault.Rate))
            {
                met |= fault.Do;
                delay += fault.Delay;
            }
        }

        return (met, delay);
    }

    private sealed class InForce(IReadOnlyList<Fault> faults)
    {
        public IReadOnlyList<Fault> Faults { get; } = faults;

        public TaskCompletionSource Over { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
