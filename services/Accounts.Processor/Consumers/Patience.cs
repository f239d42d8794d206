namespace Accounts.Processor.Consumers;

/// <summary>Waits longer from failure to failure, from 0.1 s to 2 s, a little different each time.</summary>
internal sealed class Patience(TimeProvider time, Random chance)
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(2);

    private TimeSpan _next = First;

    public void Reset() => _next = First;

    public Task WaitAsync(CancellationToken cancellation)
    {
        var wait = _next * (0.75 + (0.5 * chance.NextDouble()));
        _next = _next * 2 < Longest ? _next * 2 : Longest;
        return Task.Delay(wait, time, cancellation);
    }
}
