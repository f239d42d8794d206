namespace EventLog;

/// <summary>
/// Ends waiting after a time, to within a quarter of a second: whoever begins to wait in the same quarter shares a timer, because
/// one for each command is dear when there are tens of thousands a second.
/// </summary>
/// <param name="after">The longest that anybody waits.</param>
/// <param name="time">The clock.</param>
internal sealed class Expiry(TimeSpan after, TimeProvider time)
{
    private static readonly TimeSpan Shared = TimeSpan.FromSeconds(0.25);
    private Quarter? _current;

    /// <summary>Cancelled when someone who begins to wait now has waited long enough.</summary>
    public CancellationToken Token
    {
        get
        {
            var current = Volatile.Read(ref _current);
            if (current is null || time.GetElapsedTime(current.Began) >= Shared)
            {
                // Two at once may each make one: both end in time.
                current = new Quarter(time.GetTimestamp(), new CancellationTokenSource(after, time).Token);
                Volatile.Write(ref _current, current);
            }

            return current.Ended;
        }
    }

    private sealed record Quarter(long Began, CancellationToken Ended);
}
