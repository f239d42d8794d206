using Accounts.Query.Feed;

namespace Accounts.Query.Streams;

/// <summary>
/// The events of a user's accounts as they come. Its ids are places in the log; whoever comes back gets what is missing from
/// the feed, so the signs of life carry places too.
/// </summary>
internal sealed class UserStream(long user, Places? resumed, EventStream stream, FeedTail tail, FeedRows rows)
{
    private const int RowsTogether = 64;
    private Places? _places = resumed;

    private string Id => _places!.ToString();

    /// <summary>Runs until it is cancelled, or the log that its places are of is no more.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        var begun = false;
        if (_places is not null)
        {
            await stream.BeginAsync(Id, cancellation);
            begun = true;
        }

        while (await tail.SubscribeAsync(new Topic(null, user), stream.Heartbeat, AliveAsync, cancellation) is { } live)
        {
            using (live)
            {
                _places ??= live.From.Copy();
                if (!begun)
                {
                    await stream.BeginAsync(Id, cancellation);
                    begun = true;
                }

                if (!_places.IsSameLog(live.From))
                {
                    return;
                }

                await CatchUpAsync(live.From, cancellation);
                await FollowAsync(live, cancellation);
            }
        }

        // Nobody knows where a stream begins whose feed cannot be read.
        ValueTask AliveAsync() => begun ? stream.BeatAsync(Id, cancellation) : throw new TimeoutException("The feed cannot be read.");
    }

    private async Task FollowAsync(Subscription live, CancellationToken cancellation)
    {
        var waiting = new EventStream.Waiting();
        while (await stream.WaitAsync(waiting, live.Items, cancellation) is not false and var some)
        {
            while (some is true && live.Items.TryRead(out var item))
            {
                Write(item);
            }

            if (some is true)
            {
                await stream.FlushAsync(cancellation);
                continue;
            }

            // Everything up to here was handed out before; when none of it waits, it has gone by.
            var reached = tail.Reached();
            if (reached is not null && reached.IsSameLog(_places!) && live.Items is { Count: 0, Completion.IsCompleted: false })
            {
                _places!.Advance(reached);
            }

            await stream.BeatAsync(Id, cancellation);
        }
    }

    /// <summary>Reads on in the feed as far as the subscription begins.</summary>
    private async Task CatchUpAsync(Places to, CancellationToken cancellation)
    {
        var places = _places!;
        while (Enumerable.Range(0, to.Partitions).Where(partition => to[partition] > places[partition]).ToList() is { Count: > 0 } behind)
        {
            // Beyond the subscription's beginning does no harm: what comes twice is written once.
            var each = (int)Math.Min(RowsTogether, behind.Max(partition => to[partition].Position - places[partition].Position));
            var page = await tail.InTurnAsync(
                async () => await rows.OpenAsync(cancellation) is { } feed
                    ? await rows.ReadAsync(feed, [.. behind.Select(partition => (partition, places[partition].Position))], each, cancellation)
                    : new FeedPage([], 0),
                cancellation);
            for (var i = 0; i < page.Rows.Count; i++)
            {
                foreach (var row in page.Rows[i])
                {
                    Write(behind[i], row);
                }
            }

            if (page.Rows.All(some => some.Count == 0))
            {
                // The view goes back to a generation that is not as far.
                await stream.PauseAsync(cancellation);
            }

            await (stream.IsQuiet ? stream.BeatAsync(Id, cancellation) : stream.FlushAsync(cancellation));
        }
    }

    private void Write(int partition, Contracts.FeedRow row)
    {
        var position = _places![partition].Position + 1;
        for (var i = 0; i < row.Items.Count; i++)
        {
            if ((row.Items[i].Account?.UserId ?? row.Items[i].UserId) == user)
            {
                Write(new LiveItem(partition, Place.After(position, i, row.Items.Count), row.Items[i]));
            }
        }

        _places.Advance(partition, new Place(position, 0));
    }

    private void Write(LiveItem item)
    {
        if (item.Place > _places![item.Partition])
        {
            _places.Advance(item.Partition, item.Place);
            stream.Write(Id, item);
        }
    }
}
