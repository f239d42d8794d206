using System.Globalization;
using Sidecar.Configuration;

namespace Sidecar.Resiliency;

/// <summary>What a target's policies say: a time-out for each attempt, and how to try again; either may be null.</summary>
internal sealed record Policy(TimeSpan? Timeout, RetryPolicy? Retry)
{
    /// <summary>One attempt without a time limit.</summary>
    public static readonly Policy None = new(null, null);

    // Dapr gives up an exponential policy after a quarter of an hour, however many retries it allows.
    private static readonly TimeSpan ExponentialLimit = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan ExponentialStart = TimeSpan.FromMilliseconds(500);

    /// <summary>What Dapr says of an attempt that its time-out has ended.</summary>
    public const string TimedOut = "context deadline exceeded";

    /// <summary>Whether nothing is to be done beside the one attempt.</summary>
    public bool IsNone => Timeout is null && Retry is null;

    private readonly (int From, int To)[]? _statusCodes = Parse(Retry?.HttpStatusCodes);

    /// <summary>
    /// Runs attempts until one is good, may not be repeated, or the policy is exhausted; the last result is returned.
    /// An attempt that takes longer than the time-out is cancelled and counts as <paramref name="timedOut"/>, which may
    /// be repeated; whoever was called may still be at work, as with Dapr.
    /// </summary>
    /// <param name="attempt">Throws only when its token is cancelled.</param>
    /// <param name="judge">Says of a result whether it is good.</param>
    /// <param name="timedOut">The result of an attempt that took too long.</param>
    /// <param name="time">Measures pauses and time-outs.</param>
    /// <param name="giveUp">No further attempt is started once this is cancelled; the last result is returned.</param>
    /// <param name="cancellation">Cancels the attempt that is under way.</param>
    public async Task<T> RunAsync<T>(
        Func<CancellationToken, Task<T>> attempt,
        Func<T, Verdict> judge,
        T timedOut,
        TimeProvider time,
        CancellationToken giveUp,
        CancellationToken cancellation)
    {
        var started = time.GetTimestamp();
        for (var tries = 0; ; tries++)
        {
            var result = await AttemptAsync(attempt, timedOut, time, cancellation);
            var verdict = judge(result);
            if (!verdict.Failed || Retry is null || (Retry.MaxRetries >= 0 && tries >= Retry.MaxRetries) || !Matches(verdict.Status))
            {
                return result;
            }

            var pause = Pause(tries);
            if (Retry.Exponential && time.GetElapsedTime(started) + pause > ExponentialLimit)
            {
                return result;
            }

            try
            {
                await Task.Delay(pause, time, giveUp);
            }
            catch (OperationCanceledException)
            {
                return result;
            }
        }
    }

    private async Task<T> AttemptAsync<T>(
        Func<CancellationToken, Task<T>> attempt, T timedOut, TimeProvider time, CancellationToken cancellation)
    {
        if (Timeout is not { } limit || limit <= TimeSpan.Zero)
        {
            return await attempt(cancellation);
        }

        using var alarm = new CancellationTokenSource(limit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(alarm.Token, cancellation);
        try
        {
            return await attempt(either.Token);
        }
        catch (OperationCanceledException) when (alarm.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            return timedOut;
        }
    }

    // Dapr adds chance to the exponential pauses; here they are exact, so that tests can count on them. Its exponential
    // policy starts at half a second whatever `duration` says, and grows by one half each time.
    private TimeSpan Pause(int tries)
    {
        if (!Retry!.Exponential)
        {
            return Retry.Duration;
        }

        var pause = ExponentialStart.TotalMilliseconds * Math.Pow(1.5, Math.Min(tries, 60));
        return TimeSpan.FromMilliseconds(Math.Min(pause, Retry.MaxInterval.TotalMilliseconds));
    }

    private bool Matches(int? status) =>
        status is not { } code || _statusCodes is null || _statusCodes.Any(r => code >= r.From && code <= r.To);

    private static (int From, int To)[]? Parse(string? codes) =>
        string.IsNullOrWhiteSpace(codes)
            ? null
            : [.. codes.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(Range)];

    private static (int From, int To) Range(string text)
    {
        var ends = text.Split('-', 2, StringSplitOptions.TrimEntries);
        return int.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out var from)
            && int.TryParse(ends[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var to)
                ? (from, to)
                : (int.MaxValue, int.MinValue);
    }
}

/// <summary>Whether an attempt failed in a way that may be repeated, and with which HTTP status if it had one.</summary>
internal readonly record struct Verdict(bool Failed, int? Status)
{
    /// <summary>Good, or bad in a way that no repetition mends.</summary>
    public static readonly Verdict Done = new(false, null);

    /// <summary>Failed without a status: a lost connection, a time-out, an answer that asks for another try.</summary>
    public static readonly Verdict Again = new(true, null);
}
