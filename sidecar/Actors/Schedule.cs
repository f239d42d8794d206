using System.Text.Json;
using Sidecar.Server;

namespace Sidecar.Actors;

/// <summary>What an app asks for when it sets a timer or reminder, as it wrote it.</summary>
internal sealed record ScheduleRequest(string DueTime, string Period, string Ttl, string Callback, string? Data, bool Overwrite)
{
    /// <exception cref="FormatException">The body is no JSON object, or a member has the wrong type; in Go's words.</exception>
    public static ScheduleRequest Read(ReadOnlySpan<byte> body)
    {
        var value = GoJson.Read(body, JsonValueKind.Object, "api.CreateReminderRequest");
        return new ScheduleRequest(
            Text("dueTime"), Text("period"), Text("ttl"), Text("callback"),
            value.Member("data")?.GetRawText(), value.Member("overwrite") is not { ValueKind: JsonValueKind.False });

        string Text(string name) => value.Text(name, "createReminderAlias." + name) ?? "";
    }
}

/// <summary>When something is due, how it repeats and when it ends. <see cref="Left"/> counts the ticks still to come; -1: no end.</summary>
internal sealed record Schedule(DateTimeOffset Next, Period Period, int Left, DateTimeOffset? Expires)
{
    /// <exception cref="FormatException">In the words of Dapr's timers.</exception>
    public static Schedule OfTimer(ScheduleRequest request, DateTimeOffset now)
    {
        var due = request.DueTime.Length == 0 ? now
            : GoTime.Time(request.DueTime, now)
                ?? throw new FormatException($"error parsing timer due time: unsupported time/duration format: {request.DueTime}");
        var period = GoTime.Period(request.Period)
            ?? throw new FormatException($"invalid timer period: parse error: unsupported duration format: {request.Period}");
        return period.Repeats == 0
            ? throw new FormatException("invalid timer period: has zero repetitions")
            : Make(due, period, request.Ttl, now, "error parsing timer TTL: unsupported time/duration format: ");
    }

    /// <exception cref="FormatException">In the words of Dapr's Scheduler.</exception>
    public static Schedule OfReminder(ScheduleRequest request, DateTimeOffset now)
    {
        const string Refused = "rpc error: code = Unknown desc = job failed validation: ";
        if (GoTime.Period(request.Period) is not { OnCalendar: false } period)
        {
            throw new FormatException($"unsupported period format: {request.Period}");
        }

        var due = request.DueTime.Length == 0 ? now
            : GoTime.Time(request.DueTime, now) ?? throw new FormatException(Refused + "due time format not recognized");
        return Make(due, period with { Repeats = period.Repeats == 0 ? -1 : period.Repeats }, request.Ttl, now, Refused + "ttl format not recognized: ");
    }

    /// <summary>
    /// The schedule after a tick, or null when that was the last one. A tick that is over already is not made up for.
    /// </summary>
    public Schedule? AfterTick(DateTimeOffset now)
    {
        if (Left == 1 || !Period.Repeating)
        {
            return null;
        }

        var next = Period.After(Next);
        next = next < now ? Period.After(now) : next;
        return Expires <= next ? null : this with { Next = next, Left = Left < 0 ? Left : Left - 1 };
    }

    /// <summary>Waits until the next tick is due.</summary>
    public async Task WaitAsync(TimeProvider time, CancellationToken cancellation)
    {
        while (Next - time.GetUtcNow() is var left && left > TimeSpan.Zero)
        {
            await Task.Delay(left < TimeSpan.FromDays(1) ? left : TimeSpan.FromDays(1), time, cancellation);
        }
    }

    private static Schedule Make(DateTimeOffset due, Period period, string ttl, DateTimeOffset now, string badTtl)
    {
        DateTimeOffset? expires = ttl.Length == 0 ? null : GoTime.Time(ttl, due) ?? throw new FormatException(badTtl + ttl);
        return expires < now
            ? throw new FormatException($"has already expired: registeredTime: {due:O} TTL:{ttl}")
            : new Schedule(due, period, period.Repeats, expires);
    }
}
