using Accounts.Processor.Operations;

namespace Accounts.Processor.Consumers;

/// <summary>What keeps a function from going on in a partition, or kept it the last time. For people.</summary>
internal sealed class Trouble(TimeProvider time)
{
    private readonly Lock _gate = new();
    private TroubleRow? _last;
    private bool _over;

    public TroubleRow? Last
    {
        get
        {
            lock (_gate)
            {
                return _last;
            }
        }
    }

    /// <summary>It is so now. What has been so all the time keeps the time since when.</summary>
    public void Note(string text)
    {
        lock (_gate)
        {
            _last = _last?.Text == text && !_over ? _last : new TroubleRow(text, time.GetUtcNow().ToUnixTimeMilliseconds());
            _over = false;
        }
    }

    /// <summary>The function goes on: whatever is noted from now on is new.</summary>
    public void Over()
    {
        lock (_gate)
        {
            _over = true;
        }
    }
}
