using Accounts.Contracts;
using Accounts.Query.Feed;

namespace Accounts.Query.Streams;

/// <summary>
/// The end of the feed, looked at for all streams of this replica at once: a few times a second the next positions, in one
/// bulk read, and only while a stream is open. So no replica depends on being told anything.
/// </summary>
internal sealed class FeedTail(FeedRows rows, TimeProvider time, ILogger<FeedTail> log) : BackgroundService
{
    private const int MostRowsPerPartition = 32;

    // All streams of a replica may come back at once.
    private const int CatchingUpAtOnce = 16;
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan RetryEvery = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<Topic, List<Subscription>> _subscriptions = [];
    private readonly SemaphoreSlim _wanted = new(0);
    private readonly SemaphoreSlim _turns = new(CatchingUpAtOnce);
    private TaskCompletionSource<Places?> _begun = NewBeginning();
    private Places? _reached;
    private int _open;

    /// <summary>
    /// Subscribes to what comes. Waits until the feed can be read; null while there is none.
    /// </summary>
    /// <param name="topic">Whose events.</param>
    /// <param name="every">How long to wait at most before <paramref name="alive"/> is called, again and again.</param>
    /// <param name="alive">Says that the stream is alive, or gives up.</param>
    /// <param name="cancellation">The stream ends.</param>
    public async Task<Subscription?> SubscribeAsync(Topic topic, TimeSpan every, Func<ValueTask> alive, CancellationToken cancellation)
    {
        Task<Places?> begun;
        lock (_gate)
        {
            // From here on the loop is at work, until this subscription is given back.
            if (_open++ == 0)
            {
                _wanted.Release();
            }

            begun = _begun.Task;
        }

        try
        {
            while (!begun.IsCompleted)
            {
                await ((Task)begun).WaitAsync(every, time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                cancellation.ThrowIfCancellationRequested();
                await (begun.IsCompleted ? ValueTask.CompletedTask : alive());
            }

            if (await begun is not null)
            {
                lock (_gate)
                {
                    if (_reached is not null)
                    {
                        var subscription = new Subscription(topic, _reached.Copy(), Remove);
                        (_subscriptions.TryGetValue(topic, out var others) ? others : _subscriptions[topic] = []).Add(subscription);
                        return subscription;
                    }
                }
            }
        }
        catch
        {
            Leave();
            throw;
        }

        Leave();
        return null;
    }

    /// <summary>Reads what a stream has missed, when it is its turn: only so many of them read at once.</summary>
    public async Task<T> InTurnAsync<T>(Func<Task<T>> read, CancellationToken cancellation)
    {
        await _turns.WaitAsync(cancellation);
        try
        {
            return await read();
        }
        finally
        {
            _turns.Release();
        }
    }

    /// <summary>How far everything has been handed to the subscriptions; null when nobody has subscribed.</summary>
    public Places? Reached()
    {
        lock (_gate)
        {
            return _reached?.Copy();
        }
    }

    public override void Dispose()
    {
        _wanted.Dispose();
        _turns.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
            {
                await _wanted.WaitAsync(stoppingToken);
                await FollowAsync(stoppingToken);
            }
        }
        catch (Exception) when (stoppingToken.IsCancellationRequested)
        {
        }
    }

    private async Task FollowAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(LookEvery, time);
        var away = false;
        while (!Rest())
        {
            try
            {
                await LookAsync(stopping);
                away = false;
            }
            catch (Exception cause) when (!stopping.IsCancellationRequested)
            {
                if (!away)
                {
                    away = true;
                    log.LogWarning("The feed cannot be read, streams wait: {Cause}", cause.Message);
                }

                await Task.Delay(RetryEvery, time, stopping);
            }

            await timer.WaitForNextTickAsync(stopping);
        }
    }

    private async Task LookAsync(CancellationToken stopping)
    {
        if (await rows.OpenAsync(stopping) is not { } feed)
        {
            Restart(null);
            Begin();
            return;
        }

        if (_reached is not { } reached || !reached.AreOf(feed.At, feed.Partitions))
        {
            Restart(await rows.ReachedAsync(feed, stopping));
        }

        var next = Enumerable.Range(0, feed.Partitions).ToList();
        for (var each = 1; next.Count > 0; each = Math.Min(each * 4, MostRowsPerPartition))
        {
            var page = await rows.ReadAsync(feed, [.. next.Select(partition => (partition, _reached![partition].Position))], each, stopping);
            for (var i = 0; i < next.Count; i++)
            {
                HandOut(next[i], page.Rows[i]);
            }

            next = [.. next.Where((_, i) => page.IsFull(i))];
        }

        // Subscriptions begin at the end, and not where a checkpoint was saved last.
        Begin();
    }

    private void HandOut(int partition, IReadOnlyList<FeedRow> found)
    {
        lock (_gate)
        {
            foreach (var row in found)
            {
                var position = _reached![partition].Position + 1;
                for (var i = 0; i < row.Items.Count; i++)
                {
                    var item = new LiveItem(partition, Place.After(position, i, row.Items.Count), row.Items[i]);
                    HandOut(item, new Topic(item.Body.AccountNumber, null));
                    HandOut(item, new Topic(null, item.Body.Account?.UserId ?? item.Body.UserId));
                }

                _reached.Advance(partition, new Place(position, 0));
            }
        }
    }

    private void HandOut(LiveItem item, Topic topic)
    {
        if (_subscriptions.TryGetValue(topic, out var subscriptions))
        {
            subscriptions.RemoveAll(subscription => !subscription.TryAdd(item));
        }
    }

    private void Begin()
    {
        lock (_gate)
        {
            _begun.TrySetResult(_reached);
            if (_reached is null)
            {
                _begun = NewBeginning();
            }
        }
    }

    /// <summary>Another log, in place of the one that the subscriptions are about, ends them.</summary>
    private void Restart(Places? places)
    {
        lock (_gate)
        {
            _reached = places;
            foreach (var subscription in _subscriptions.Values.SelectMany(some => some))
            {
                subscription.End();
            }
        }
    }

    /// <summary>True when nobody is subscribed: then the next one begins anew.</summary>
    private bool Rest()
    {
        lock (_gate)
        {
            if (_open > 0)
            {
                return false;
            }

            _reached = null;
            _begun = NewBeginning();
            return true;
        }
    }

    private void Remove(Subscription subscription)
    {
        lock (_gate)
        {
            if (_subscriptions.TryGetValue(subscription.Topic, out var others))
            {
                others.Remove(subscription);
                if (others.Count == 0)
                {
                    _subscriptions.Remove(subscription.Topic);
                }
            }
        }

        Leave();
    }

    private void Leave()
    {
        lock (_gate)
        {
            _open--;
        }
    }

    private static TaskCompletionSource<Places?> NewBeginning() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
