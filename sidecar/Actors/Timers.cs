using Sidecar.Resiliency;

namespace Sidecar.Actors;

/// <summary>
/// The timers that were set at one sidecar. They live in memory and end with the actor's activation; a tick goes the way of
/// every call, so it waits for the actor's turn, and whether it succeeds makes no difference to the next.
/// </summary>
internal sealed class Timers(Placement placement, Policies policies, TimeProvider time)
{
    private readonly Dictionary<(string Type, string Id, string Name), CancellationTokenSource> _running = [];
    private readonly Lock _gate = new();

    /// <summary>Sets a timer, in the place of one with the same name.</summary>
    /// <exception cref="FormatException">A time is not in a form that Dapr reads.</exception>
    public void Set(string type, string id, string name, ScheduleRequest request)
    {
        var schedule = Schedule.OfTimer(request, time.GetUtcNow());
        var removed = new CancellationTokenSource();
        lock (_gate)
        {
            _running.Remove((type, id, name), out var before);
            before?.Cancel();
            _running[(type, id, name)] = removed;
        }

        var call = new ActorCall(
            type, id, "timer/" + name, CallbackBody.Write(request.Data, request.Callback, request.DueTime, request.Period), "application/json", null, []);
        _ = Task.Run(() => RunAsync(call, name, schedule, removed));
    }

    /// <summary>Removes a timer if there is one; a callback under way goes on.</summary>
    public void Remove(string type, string id, string name)
    {
        lock (_gate)
        {
            if (_running.Remove((type, id, name), out var running))
            {
                running.Cancel();
            }
        }
    }

    /// <summary>Removes all timers of an actor.</summary>
    public void Forget(string type, string id) => RemoveAll(key => key.Type == type && key.Id == id);

    /// <summary>Removes all timers.</summary>
    public void Clear() => RemoveAll(_ => true);

    private void RemoveAll(Func<(string Type, string Id, string Name), bool> which)
    {
        lock (_gate)
        {
            foreach (var key in _running.Keys.Where(which).ToArray())
            {
                _running.Remove(key, out var running);
                running!.Cancel();
            }
        }
    }

    private async Task RunAsync(ActorCall call, string name, Schedule? schedule, CancellationTokenSource removed)
    {
        try
        {
            while (schedule is not null)
            {
                await schedule.WaitAsync(time, removed.Token);
                var result = await placement.CallAsync(call, policies, CancellationToken.None);
                schedule = result.Reply is { CancelsReminder: true } ? null : schedule.AfterTick(time.GetUtcNow());
                removed.Token.ThrowIfCancellationRequested();
            }
        }
        catch (OperationCanceledException)
        {
            return;
        }

        lock (_gate)
        {
            if (_running.GetValueOrDefault((call.Type, call.Id, name)) == removed)
            {
                _running.Remove((call.Type, call.Id, name));
            }
        }
    }
}
