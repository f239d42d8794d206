using System.Threading.Channels;
using Accounts.Query.Feed;

namespace Accounts.Query.Streams;

/// <summary>What a stream follows: one account, or the accounts of one user.</summary>
internal readonly record struct Topic(string? Account, long? User);

/// <summary>
/// The events of a topic as they come, from <see cref="From"/> on. A reader that is too slow loses its subscription, and
/// nothing else: it reads on from the rows and subscribes again.
/// </summary>
internal sealed class Subscription(Topic topic, Places from, Action<Subscription> leave) : IDisposable
{
    private const int MostWaiting = 256;

    private readonly Channel<LiveItem> _items = Channel.CreateBounded<LiveItem>(new BoundedChannelOptions(MostWaiting) { SingleReader = true });

    public Topic Topic => topic;

    /// <summary>Everything after these places comes here.</summary>
    public Places From => from;

    /// <summary>The events; ends when too many wait.</summary>
    public ChannelReader<LiveItem> Items => _items.Reader;

    /// <summary>False when too many wait: then nothing comes any more.</summary>
    public bool TryAdd(LiveItem item)
    {
        if (_items.Writer.TryWrite(item))
        {
            return true;
        }

        End();
        return false;
    }

    /// <summary>Nothing comes any more; what waits can still be read.</summary>
    public void End() => _items.Writer.TryComplete();

    public void Dispose()
    {
        End();
        leave(this);
    }
}
