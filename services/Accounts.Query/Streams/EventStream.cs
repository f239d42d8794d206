using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using System.Threading.Channels;

namespace Accounts.Query.Streams;

/// <summary>
/// One answer in the form of server-sent events. What is written goes out with the next flush, which waits while the client
/// does not read; one that reads nothing for long is cut off by the server, and resumes where it was.
/// </summary>
internal sealed class EventStream(PipeWriter body, TimeSpan heartbeat, TimeProvider time)
{
    private const int RetryAfterMilliseconds = 2_000;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);
    private long _lastFlush = time.GetTimestamp();

    /// <summary>After how long without events a stream says that it is alive.</summary>
    public TimeSpan Heartbeat => heartbeat;

    /// <summary>True when nothing has been sent for that long.</summary>
    public bool IsQuiet => time.GetElapsedTime(_lastFlush) >= heartbeat;

    /// <summary>The first lines: when to come back after a cut, and from where.</summary>
    public ValueTask BeginAsync(string id, CancellationToken cancellation)
    {
        Write($"retry: {RetryAfterMilliseconds}\nid: {id}\n\n");
        return FlushAsync(cancellation);
    }

    /// <summary>An event, and where the stream is after it.</summary>
    public void Write(string id, LiveItem item)
    {
        Write($"id: {id}\n");
        body.Write(item.Frame.Span);
    }

    /// <summary>A sign of life. An id without an event is no event, and is remembered by the client.</summary>
    public ValueTask BeatAsync(string id, CancellationToken cancellation)
    {
        Write($":\nid: {id}\n\n");
        return FlushAsync(cancellation);
    }

    /// <summary>Sends what was written, if anything.</summary>
    public async ValueTask FlushAsync(CancellationToken cancellation)
    {
        if (body.UnflushedBytes == 0)
        {
            return;
        }

        _lastFlush = time.GetTimestamp();
        if ((await body.FlushAsync(cancellation)).IsCompleted)
        {
            throw new OperationCanceledException("The client is gone.");
        }
    }

    /// <summary>Waits for items until the next sign of life is due.</summary>
    /// <param name="waiting">What <paramref name="items"/> was asked before and has not answered; kept for the next time.</param>
    /// <param name="items">The items.</param>
    /// <param name="cancellation">The stream ends.</param>
    /// <returns>True: there are items; false: there will be none; null: neither, for now.</returns>
    public async ValueTask<bool?> WaitAsync(Waiting waiting, ChannelReader<LiveItem> items, CancellationToken cancellation)
    {
        var next = waiting.Next ??= items.WaitToReadAsync(cancellation).AsTask();
        await ((Task)next).WaitAsync(heartbeat, time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellation.ThrowIfCancellationRequested();
        if (!next.IsCompleted)
        {
            return null;
        }

        waiting.Next = null;
        return await next;
    }

    /// <summary>Waits a moment for rows that are not there yet.</summary>
    public Task PauseAsync(CancellationToken cancellation) => Task.Delay(Pause, time, cancellation);

    private void Write(string text) => Encoding.UTF8.GetBytes(text, body);

    /// <summary>An unanswered question.</summary>
    internal sealed class Waiting
    {
        public Task<bool>? Next { get; set; }
    }
}
