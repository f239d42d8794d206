using System.Text.Json;
using EventLog;

namespace Accounts.Processor.Verification;

/// <summary>
/// A verification that this replica does. Its row says how far it is, and that this replica is alive: once a second, whatever the
/// work waits for meanwhile.
/// </summary>
internal sealed class RunningVerification(IStateStore views, string key, VerificationRow asked, string etag, string replica, TimeProvider time)
{
    private const int NamedRows = 100;
    private static readonly TimeSpan Beat = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly long _begun = time.GetTimestamp();
    private readonly VerificationRow _asked = asked;
    private VerificationRow _row = asked;
    private string _etag = etag;
    private double _events;

    public VerificationRow Row
    {
        get
        {
            lock (_gate)
            {
                return _row;
            }
        }
    }

    /// <summary>Takes it, whether it is new or another replica has fallen silent over it.</summary>
    public Task BeginAsync(long events, CancellationToken cancellation)
    {
        _row = _asked with
        {
            State = "running",
            Replica = replica,
            Attempts = _asked.Attempts + 1,
            EventsOf = events,
            EventsDone = 0,
            Rows = 0,
            Broken = 0,
            Healed = 0,
            Unsettled = 0,
            BrokenRows = [],
        };
        return SaveAsync(cancellation);
    }

    /// <summary>Something was done.</summary>
    public void Note(VerificationProgress progress)
    {
        lock (_gate)
        {
            _events += progress.Events;
            _row = _row with
            {
                Rows = _row.Rows + progress.Rows,
                Broken = _row.Broken + progress.Broken.Count,
                BrokenRows = [.. _row.BrokenRows, .. progress.Broken.Take(NamedRows - _row.BrokenRows.Count)],
                Healed = _row.Healed + progress.Healed,
                Unsettled = _row.Unsettled + progress.Unsettled,
            };
        }
    }

    /// <summary>Does the work, and tells once a second that this replica is alive.</summary>
    /// <exception cref="VerificationTakenOverException">Another replica has taken this one for dead.</exception>
    public async Task WhileAliveAsync(Func<CancellationToken, Task> work, CancellationToken cancellation)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var beats = BeatAsync(end);
        try
        {
            await work(end.Token);
        }
        finally
        {
            // Why the work was stopped tells more than that it was.
            await end.CancelAsync();
            await beats;
        }
    }

    /// <summary>It is done, or given up. Persists until that is saved, or another replica has taken over.</summary>
    public async Task EndAsync(string? failure, CancellationToken cancellation)
    {
        lock (_gate)
        {
            _row = _row with { State = failure is null ? "done" : "failed", Cause = failure, Ended = time.GetUtcNow().ToUnixTimeMilliseconds() };
        }

        while (!await TriedAsync(cancellation))
        {
            await Task.Delay(Beat, time, cancellation);
        }
    }

    private async Task BeatAsync(CancellationTokenSource end)
    {
        using var timer = new PeriodicTimer(Beat, time);
        try
        {
            while (await timer.WaitForNextTickAsync(end.Token))
            {
                await TriedAsync(end.Token);
            }
        }
        catch (VerificationTakenOverException)
        {
            await end.CancelAsync();
            throw;
        }
        catch (Exception) when (end.IsCancellationRequested)
        {
        }
    }

    /// <summary>False when the store is away; the next beat tells what this one could not.</summary>
    private async Task<bool> TriedAsync(CancellationToken cancellation)
    {
        try
        {
            await SaveAsync(cancellation);
            return true;
        }
        catch (Exception cause) when (cause is not VerificationTakenOverException && !cancellation.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>Saves how it stands. What became of a write that failed, and whose the row is, is told by the row.</summary>
    private async Task SaveAsync(CancellationToken cancellation)
    {
        VerificationRow next;
        lock (_gate)
        {
            var rate = _events / Math.Max(0.001, time.GetElapsedTime(_begun).TotalSeconds);
            var goesOn = _row.State == "running";
            next = _row = _row with
            {
                Beat = _row.Beat + 1,
                EventsDone = _row.State == "done" ? _row.EventsOf : (long)_events,
                EventsPerSecond = Math.Round(rate, 1),
                SecondsLeft = goesOn && rate > 0 ? Math.Round(Math.Max(0, _row.EventsOf - _events) / rate, 1) : null,
            };
        }

        Exception? failure = null;
        try
        {
            await views.ReplaceAsync(key, JsonSerializer.SerializeToUtf8Bytes(next, ProcessorJson.Default.VerificationRow), _etag, cancellation);
        }
        catch (Exception cause) when (!cancellation.IsCancellationRequested)
        {
            failure = cause;
        }

        var stored = await views.ReadAsync(key, cancellation) ?? throw new VerificationTakenOverException();
        var there = JsonSerializer.Deserialize(stored.Value.Span, ProcessorJson.Default.VerificationRow)!;
        if (there.Id != next.Id || there.Replica != replica)
        {
            throw failure is not null && there.Id == _asked.Id && there.Beat == _asked.Beat ? failure : new VerificationTakenOverException();
        }

        _etag = stored.ETag;
        if (there.Beat != next.Beat)
        {
            throw failure ?? new IOException("What was written is not there yet.");
        }
    }
}

/// <summary>Another replica was faster, or has heard nothing of this one for too long.</summary>
internal sealed class VerificationTakenOverException() : Exception("Another replica does the verification.");
