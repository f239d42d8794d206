using System.Diagnostics;

namespace TestSupport;

/// <summary>Waits for a condition instead of sleeping.</summary>
public static class Eventually
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(25);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(250);

    /// <summary>Runs the assertions again and again until they hold; fails with the last failure after 15 s, or <paramref name="within"/>.</summary>
    public static Task Holds(Func<Task> assertions, TimeSpan? within = null) => Gives(
        async () =>
        {
            await assertions();
            return true;
        },
        within);

    /// <summary>As the other one, for assertions without waiting.</summary>
    public static Task Holds(Action assertions, TimeSpan? within = null) => Holds(
        () =>
        {
            assertions();
            return Task.CompletedTask;
        },
        within);

    /// <summary>Asks until the answer is true.</summary>
    public static Task True(Func<Task<bool>> condition, string what, TimeSpan? within = null) => Holds(
        async () =>
        {
            if (!await condition())
            {
                throw new TimeoutException($"It is still not true that {what}.");
            }
        },
        within);

    /// <summary>As the other one, for conditions without waiting.</summary>
    public static Task True(Func<bool> condition, string what, TimeSpan? within = null) => True(() => Task.FromResult(condition()), what, within);

    /// <summary>Runs the function until it does not throw, and gives its answer.</summary>
    public static async Task<T> Gives<T>(Func<Task<T>> function, TimeSpan? within = null)
    {
        var patience = within ?? Patience;
        var started = Stopwatch.StartNew();
        while (true)
        {
            var asked = Stopwatch.GetTimestamp();
            try
            {
                return await function().WaitAsync(patience);
            }
            catch (Exception e) when (started.Elapsed < patience)
            {
                _ = e;

                // Asking takes processor time from what is waited for: at most half of it.
                await Task.Delay(TimeSpan.FromTicks(Math.Clamp(Stopwatch.GetElapsedTime(asked).Ticks, ShortestPause.Ticks, LongestPause.Ticks)));
            }
            catch (Exception e)
            {
                throw new TimeoutException($"After {patience.TotalSeconds:0.#} s: {e.Message}", e);
            }
        }
    }
}
