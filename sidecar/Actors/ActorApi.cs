using System.Text.Json;
using Sidecar.Configuration;
using Sidecar.Server;

namespace Sidecar.Actors;

/// <summary>The actor API over HTTP, which is what the SDK for actors speaks.</summary>
internal static partial class ActorApi
{
    private static readonly string[] Writes = ["POST", "PUT"];

    public static void Map(IEndpointRouteBuilder routes, AppSidecar sidecar)
    {
        const string Actor = "/v1.0/actors/{type}/{id}";
        routes.MapMethods(Actor + "/method/{method}", ["GET", "POST", "PUT", "DELETE"], http => InvokeAsync(http, sidecar));
        MapState(routes, sidecar);
        routes.MapMethods(Actor + "/timers/{name}", Writes, http => SetTimerAsync(http, sidecar));
        routes.MapDelete(Actor + "/timers/{name}", http =>
        {
            var (type, id) = Addressed(http);
            sidecar.Actors.Timers.Remove(type, id, http.Param("name"));
            return http.AnswerNothingAsync();
        });
        routes.MapMethods(Actor + "/reminders/{name}", Writes, http => SetReminderAsync(http, sidecar));
        routes.MapGet(Actor + "/reminders/{name}", http => GetReminderAsync(http, sidecar));
        routes.MapDelete(Actor + "/reminders/{name}", http =>
        {
            var (type, id) = Addressed(http);
            RequireHosted(sidecar, type);
            sidecar.Actors.Reminders.Remove(type, id, http.Param("name"));
            return http.AnswerNothingAsync();
        });
    }

    private static async Task InvokeAsync(HttpContext http, AppSidecar sidecar)
    {
        var (type, id, method) = (http.Param("type"), http.Param("id"), http.Param("method"));
        foreach (var (what, name) in (ReadOnlySpan<(string, string)>)[("actorType", type), ("actorId", id)])
        {
            if (ActorNames.Refusal(name) is { } refusal)
            {
                throw ActorErrors.BadRequest($"invalid {what}: {refusal}").Fault();
            }
        }

        var path = ActorNames.CleanMethod(method)
            ?? throw ActorErrors.BadRequest($"method contains forbidden character: \"{method}\"").Fault();
        var body = http.Request.ContentLength == 0 ? [] : await http.BodyAsync();
        var call = new ActorCall(type, id, path, body, http.Request.ContentType, sidecar.App.AppId, ActorHeaders.ToActor(http))
        {
            ReentrancyId = http.Request.Headers["Dapr-Reentrancy-Id"] is [{ Length: > 0 } reentrancyId] ? reentrancyId : null,
        };
        var reply = Reply(await sidecar.Actors.CallAsync(call, http.RequestAborted));
        foreach (var (name, values) in reply.Headers)
        {
            http.Response.Headers[name] = values;
        }

        http.Response.ContentType = reply.ContentType;
        http.Response.ContentLength = reply.Body.Length;
        await http.Response.Body.WriteAsync(reply.Body, http.RequestAborted);
    }

    private static ActorReply Reply(ActorResult result) => result switch
    {
        { Reply: { } reply } => reply,
        { Failure: ActorFailure.TooDeep } => throw ActorErrors.TooDeep.Fault(),
        _ => throw ActorErrors.Invoke(result.Message).Fault(),
    };

    private static async Task SetTimerAsync(HttpContext http, AppSidecar sidecar)
    {
        var (type, id) = Addressed(http);
        var request = await ReadScheduleAsync(http);
        SetTimer(sidecar, type, id, Named(http.Param("name")), request);
        await http.AnswerNothingAsync();
    }

    private static void SetTimer(AppSidecar sidecar, string type, string id, string name, ScheduleRequest request)
    {
        if (!sidecar.Actors.IsHosted(type))
        {
            throw ActorErrors.Timer($"can't create timer for actor {type}||{id}: actor type not registered").Fault();
        }

        try
        {
            sidecar.Actors.Timers.Set(type, id, name, request);
        }
        catch (FormatException e)
        {
            throw ActorErrors.Timer(e.Message).Fault();
        }
    }

    private static async Task SetReminderAsync(HttpContext http, AppSidecar sidecar)
    {
        var (type, id) = Addressed(http);
        var request = await ReadScheduleAsync(http);
        SetReminder(sidecar, type, id, Named(http.Param("name")), request);
        await http.AnswerNothingAsync();
    }

    private static void SetReminder(AppSidecar sidecar, string type, string id, string name, ScheduleRequest request)
    {
        RequireHosted(sidecar, type);
        try
        {
            if (!sidecar.Actors.Reminders.Set(type, id, name, request))
            {
                throw ActorErrors.ReminderExists(name).Fault();
            }
        }
        catch (FormatException e)
        {
            throw ActorErrors.Reminder(e.Message).Fault();
        }
    }

    private static async Task GetReminderAsync(HttpContext http, AppSidecar sidecar)
    {
        var (type, id) = Addressed(http);
        var name = http.Param("name");
        RequireHosted(sidecar, type);
        var reminder = sidecar.Actors.Reminders.Get(type, id, name) ?? throw ActorErrors.ReminderNotFound(name).Fault();
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { SkipValidation = true }))
        {
            json.WriteStartObject();
            json.WriteString("actorID", id);
            json.WriteString("actorType", type);
            if (reminder.Request.Data is { } data)
            {
                json.WritePropertyName("data");
                json.WriteRawValue(data);
            }

            foreach (var (member, value) in Shown(reminder))
            {
                json.WriteString(member, value);
            }

            json.WriteEndObject();
        }

        stream.WriteByte((byte)'\n');
        await http.AnswerJsonAsync(StatusCodes.Status200OK, stream.ToArray());
    }

    /// <summary>A reminder's times as the Scheduler gives them back: the period in its own words.</summary>
    private static IEnumerable<(string Member, string Value)> Shown(Reminder reminder)
    {
        if (reminder.Request.DueTime.Length > 0)
        {
            yield return ("dueTime", reminder.Request.DueTime);
        }

        if (reminder.Schedule.Period.Repeating)
        {
            yield return ("period", "@every " + GoDuration.Format(reminder.Schedule.Period.Span));
        }

        if (reminder.Schedule.Expires is { } expires)
        {
            yield return ("ttl", expires.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.FFFFFFF'Z'", System.Globalization.CultureInfo.InvariantCulture));
        }
    }

    private static async Task<ScheduleRequest> ReadScheduleAsync(HttpContext http)
    {
        try
        {
            return ScheduleRequest.Read(await http.BodyAsync());
        }
        catch (FormatException e)
        {
            throw ActorErrors.Malformed(e.Message).Fault();
        }
    }

    private static (string Type, string Id) Addressed(HttpContext http)
    {
        RefuseReserved(http.Param("type"));
        return (http.Param("type"), http.Param("id"));
    }

    private static void RefuseReserved(string type)
    {
        if (ActorNames.IsReserved(type))
        {
            throw ActorErrors.Reserved(type).Fault();
        }
    }

    private static void RequireHosted(AppSidecar sidecar, string type)
    {
        if (!sidecar.Actors.IsHosted(type))
        {
            throw ActorErrors.NotHosted.Fault();
        }
    }

    private static string Named(string name) =>
        ActorNames.Refusal(name) is { } refusal ? throw ActorErrors.BadRequest(refusal).Fault() : name;
}
