using Sidecar.Resiliency;

namespace Sidecar.Actors;

/// <summary>
/// The reminders of the host. They survive its restart, go to whichever replica the actor lives on, activate it, and are
/// repeated while the callback fails: at least once. One that is due while nobody hosts its type waits.
/// </summary>
internal sealed class Reminders : IDisposable
{
    private readonly Placement _placement;
    private readonly TimeProvider _time;
    private readonly ReminderFile _file;
    private readonly Policies _policies = new([]);
    private readonly Dictionary<(string Type, string Id, string Name), Running> _running = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();

    public Reminders(string folder, Placement placement, TimeProvider time)
    {
        _placement = placement;
        _time = time;
        _file = new ReminderFile(folder);
        lock (_gate)
        {
            foreach (var reminder in _file.Read())
            {
                Run(reminder);
            }
        }
    }

    /// <summary>Sets a reminder, in the place of one with the same name.</summary>
    /// <returns>False when there is one and it must not be overwritten.</returns>
    /// <exception cref="FormatException">A time is not in a form that Dapr reads.</exception>
    public bool Set(string type, string id, string name, ScheduleRequest request)
    {
        var reminder = new Reminder(type, id, name, request, Schedule.OfReminder(request, _time.GetUtcNow()));
        lock (_gate)
        {
            if (!request.Overwrite && _running.ContainsKey(reminder.Key))
            {
                return false;
            }

            _file.Write(reminder);
            Stop(reminder.Key);
            Run(reminder);
            return true;
        }
    }

    public Reminder? Get(string type, string id, string name)
    {
        lock (_gate)
        {
            return _running.GetValueOrDefault((type, id, name))?.Reminder;
        }
    }

    /// <summary>Removes a reminder if there is one; a callback under way goes on.</summary>
    public void Remove(string type, string id, string name)
    {
        lock (_gate)
        {
            if (Stop((type, id, name)))
            {
                _file.Delete((type, id, name));
            }
        }
    }

    /// <summary>Removes the reminders of an actor, or of all actors of the type.</summary>
    public void RemoveAll(string type, string? id)
    {
        lock (_gate)
        {
            foreach (var key in _running.Keys.Where(k => k.Type == type && (id is null || k.Id == id)).ToArray())
            {
                Stop(key);
                _file.Delete(key);
            }
        }
    }

    public void Dispose()
    {
        _stopping.Cancel();
        lock (_gate)
        {
            _file.Dispose();
        }

        _stopping.Dispose();
    }

    private bool Stop((string, string, string) key)
    {
        if (!_running.Remove(key, out var running))
        {
            return false;
        }

        running.Removed.Cancel();
        return true;
    }

    private void Run(Reminder reminder)
    {
        var running = new Running(reminder, CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token));
        _running[reminder.Key] = running;
        _ = Task.Run(() => RunAsync(running));
    }

    private async Task RunAsync(Running running)
    {
        var removed = running.Removed.Token;
        var call = new ActorCall(
            running.Reminder.Type, running.Reminder.Id, "remind/" + running.Reminder.Name,
            CallbackBody.Write(running.Reminder.Request.Data, null, "", ""), "application/json", null, []);
        try
        {
            for (Schedule? schedule = running.Reminder.Schedule; schedule is not null;)
            {
                await schedule.WaitAsync(_time, removed);
                await _placement.Type(call.Type).Hosted.WaitAsync(removed);
                var result = await Policies.Reminder.RunAsync(
                    token => _placement.CallAsync(call, _policies, token),
                    r => r.Failure == ActorFailure.None ? Verdict.Done : Verdict.Again,
                    default, _time, removed, _stopping.Token);
                if (result.Failure == ActorFailure.NoHost)
                {
                    continue;
                }

                schedule = result.Reply is { CancelsReminder: true } ? null : schedule.AfterTick(_time.GetUtcNow());
                if (!Advance(running, schedule))
                {
                    return;
                }
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private bool Advance(Running running, Schedule? schedule)
    {
        lock (_gate)
        {
            if (running.Removed.IsCancellationRequested || _running.GetValueOrDefault(running.Reminder.Key) != running)
            {
                return false;
            }

            if (schedule is null)
            {
                _running.Remove(running.Reminder.Key);
                _file.Delete(running.Reminder.Key);
                return false;
            }

            running.Reminder = running.Reminder with { Schedule = schedule };
            _file.Write(running.Reminder);
            return true;
        }
    }

    private sealed class Running(Reminder reminder, CancellationTokenSource removed)
    {
        public Reminder Reminder { get; set; } = reminder;

        public CancellationTokenSource Removed { get; } = removed;
    }
}
