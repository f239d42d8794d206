using System.Globalization;
using Accounts.Contracts;
using Accounts.Query.Feed;

namespace Accounts.Query.Streams;

/// <summary>
/// The events of one account as they come. Its ids are the account's versions: whoever comes back, after however long, gets
/// what is missing from the history.
/// </summary>
/// <param name="number">The account.</param>
/// <param name="version">What the client has.</param>
/// <param name="resumed">The client names that version; else it is the latest one.</param>
/// <param name="stream">The answer.</param>
/// <param name="tail">Brings what happens.</param>
/// <param name="rows">Have what happened before.</param>
internal sealed class AccountStream(string number, long version, bool resumed, EventStream stream, FeedTail tail, HistoryRows rows)
{
    private const int RowsTogether = 200;
    private long _version = version;

    /// <summary>The latest version that has passed by in the feed.</summary>
    private long _seen = version;

    /// <summary>True while a version may have passed by whose row is not there, because the view could not take its event yet.</summary>
    private bool _behind;

    private string Id => _version.ToString(CultureInfo.InvariantCulture);

    /// <summary>Runs until it is cancelled, or there is no view any more.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        await stream.BeginAsync(Id, cancellation);
        while (await tail.SubscribeAsync(new Topic(number, null), stream.Heartbeat, () => stream.BeatAsync(Id, cancellation), cancellation) is { } live)
        {
            using (live)
            {
                // What is older than the subscription is in the rows, and what is newer comes by it.
                await CatchUpAsync(cancellation);

                // That an event is held back is written after its record: the first look may have come in between.
                _behind |= resumed;
                await FollowAsync(live, cancellation);
            }
        }
    }

    private async Task FollowAsync(Subscription live, CancellationToken cancellation)
    {
        var waiting = new EventStream.Waiting();
        while (await stream.WaitAsync(waiting, live.Items, cancellation) is not false and var some)
        {
            while (some is true && live.Items.TryRead(out var item))
            {
                _seen = Math.Max(_seen, item.Body.Version);
                if (item.Body.Version > _version + 1 || item.Body.Account is null)
                {
                    await CatchUpAsync(cancellation);
                }
                else
                {
                    Write(item);
                }
            }

            if (some is null && _behind)
            {
                await CatchUpAsync(cancellation);
            }

            await (some is null ? stream.BeatAsync(Id, cancellation) : stream.FlushAsync(cancellation));
        }
    }

    private async Task CatchUpAsync(CancellationToken cancellation)
    {
        IReadOnlyList<AccountEventBody> missed;
        do
        {
            (missed, var held) = await tail.InTurnAsync(() => rows.StretchAsync(number, _version + 1, _version + RowsTogether, cancellation), cancellation);
            foreach (var body in missed)
            {
                Write(new LiveItem(0, default, body));
            }

            _behind = held is not null || _seen > _version;
            await stream.FlushAsync(cancellation);
        }
        while (missed.Count == RowsTogether);
    }

    /// <summary>Writes the next version, and nothing else: whoever has an id has everything before it.</summary>
    private void Write(LiveItem item)
    {
        if (item.Body.Version == _version + 1)
        {
            _version = item.Body.Version;
            stream.Write(Id, item);
        }
    }
}
