using System.Globalization;
using Accounts.Contracts;
using Accounts.Query.Feed;

namespace Accounts.Query.Streams;

/// <summary>
/// The events of one account as they come. Its ids are the account's versions: whoever comes back, after however long, gets
/// what is missing from the history.
/// </summary>
internal sealed class AccountStream(string number, long version, EventStream stream, FeedTail tail, HistoryRows rows)
{
    private const int RowsTogether = 200;
    private long _version = version;

    private string Id => _version.ToString(CultureInfo.InvariantCulture);

    /// <summary>Runs until it is cancelled, or there is no view any more.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        await stream.BeginAsync(Id, cancellation);
        while (await tail.SubscribeAsync(new Topic(number, null), cancellation) is { } live)
        {
            using (live)
            {
                // What is older than the subscription is in the rows, and what is newer comes by it.
                await CatchUpAsync(cancellation);
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
                if (item.Body.Version > _version + 1)
                {
                    await CatchUpAsync(cancellation);
                }

                Write(item);
            }

            await (some is null ? stream.BeatAsync(Id, cancellation) : stream.FlushAsync(cancellation));
        }
    }

    private async Task CatchUpAsync(CancellationToken cancellation)
    {
        IReadOnlyList<AccountEventBody> missed;
        do
        {
            missed = await tail.InTurnAsync(() => rows.RangeAsync(number, _version + 1, _version + RowsTogether, cancellation), cancellation);
            foreach (var body in missed)
            {
                Write(new LiveItem(0, default, body));
            }

            await stream.FlushAsync(cancellation);
        }
        while (missed.Count == RowsTogether);
    }

    private void Write(LiveItem item)
    {
        if (item.Body.Version > _version)
        {
            _version = item.Body.Version;
            stream.Write(Id, item);
        }
    }
}
