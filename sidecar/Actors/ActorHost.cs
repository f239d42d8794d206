using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Microsoft.Extensions.Primitives;
using Sidecar.Server;

namespace Sidecar.Actors;

/// <summary>One replica of an app as seen by the actors that live there: calls into the app, and the replica's timers.</summary>
internal sealed class ActorHost(AppSidecar sidecar, Timers timers)
{
    // Nobody waits longer than this for an app to confirm that an actor is over.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>The same for the life of the replica, and different for each.</summary>
    public string Name { get; } = $"{sidecar.App.AppId}@{sidecar.Channel!.Address.Authority}";

    /// <summary>Calls the app. The caller holds the actor's turn.</summary>
    public async Task<ActorResult> CallAsync(
        ActorInstance actor, ActorCall call, string? reentrancyId, CancellationToken cancellation)
    {
        using var alarm = sidecar.Policies.Actor(call.Type).Timeout is { } limit
            ? new CancellationTokenSource(limit, sidecar.Neighbourhood.Time)
            : null;
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(cancellation, actor.Halt, alarm?.Token ?? default);
        using var request = Request(call, reentrancyId);
        try
        {
            using var response = await sidecar.Channel!.SendAsync(request, ends.Token);
            return await ReadAsync(response, call);
        }
        catch (OperationCanceledException) when (actor.Halt.IsCancellationRequested)
        {
            return ActorResult.Failed(ActorFailure.Moved, $"actor is closed: {call.Path}");
        }
        catch (OperationCanceledException) when (alarm is { IsCancellationRequested: true })
        {
            return ActorResult.Failed(ActorFailure.Refused, "context deadline exceeded");
        }
        catch (Exception e) when (e is HttpRequestException or IOException or ObjectDisposedException)
        {
            return ActorResult.Failed(ActorFailure.Unreachable, e.Message);
        }
    }

    /// <summary>Tells the app that an actor is over. Whatever the app answers, it is.</summary>
    public async Task DeactivateAsync(string type, string id)
    {
        using var limit = new CancellationTokenSource(Patience, sidecar.Neighbourhood.Time);
        using var request = new HttpRequestMessage(HttpMethod.Delete, $"/actors/{Escape(type)}/{Escape(id)}") { Content = new ByteArrayContent([]) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", "application/x-protobuf");
        GoClient.AddHeaders(request);
        try
        {
            using var response = await sidecar.Channel!.SendAsync(request, limit.Token);
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException or ObjectDisposedException)
        {
        }
    }

    /// <summary>An actor's timers end with its activation.</summary>
    public void ForgetTimers(string type, string id) => timers.Forget(type, id);

    private static HttpRequestMessage Request(ActorCall call, string? reentrancyId)
    {
        var request = new HttpRequestMessage(
            HttpMethod.Put, $"/actors/{Escape(call.Type)}/{Escape(call.Id)}/method/{EscapePath(call.Path)}")
        {
            Content = new ReadOnlyMemoryContent(call.Body),
        };
        if (call.ContentType is { Length: > 0 })
        {
            request.Content.Headers.TryAddWithoutValidation("Content-Type", call.ContentType);
        }

        GoClient.AddHeaders(request, offersGzip: call.Caller is null);
        foreach (var (name, values) in call.Headers)
        {
            request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
        }

        if (call.Caller is not null)
        {
            request.Headers.TryAddWithoutValidation("Dapr-Api-Call", "true");
            request.Headers.TryAddWithoutValidation("Dapr-Caller-App-Id", call.Caller);
            request.Headers.TryAddWithoutValidation("Dapr-Caller-Namespace", Invocation.InvocationTarget.Namespace);
        }

        if (reentrancyId is not null)
        {
            request.Headers.TryAddWithoutValidation("Dapr-Reentrancy-Id", reentrancyId);
        }

        return request;
    }

    private static async Task<ActorResult> ReadAsync(HttpResponseMessage response, ActorCall call)
    {
        var body = await response.Content.ReadAsByteArrayAsync();
        switch (response.StatusCode)
        {
            case HttpStatusCode.OK:
                var headers = new List<KeyValuePair<string, StringValues>>();
                Add(headers, response.Headers);
                Add(headers, response.Content.Headers);
                return ActorResult.Of(new ActorReply(headers, response.Content.Headers.ContentType?.ToString(), body));
            case HttpStatusCode.NotFound:
                return ActorResult.Failed(
                    ActorFailure.Refused, $"actor method not found: actors/{call.Type}/{call.Id}/method/{call.Path}");
            default:
                return ActorResult.Failed(
                    ActorFailure.Refused, $"error from actor service: ({(int)response.StatusCode}) {Encoding.UTF8.GetString(body)}");
        }
    }

    private static void Add(List<KeyValuePair<string, StringValues>> all, HttpHeaders headers)
    {
        foreach (var (name, values) in headers.NonValidated)
        {
            if (!HopHeaders.Contains(name) && !name.Equals("Content-Type", StringComparison.OrdinalIgnoreCase))
            {
                all.Add(new(name, values.Count == 1 ? new StringValues(values.ToString()) : new StringValues([.. values])));
            }
        }
    }

    private static string Escape(string name) => Uri.EscapeDataString(name);

    private static string EscapePath(string path) => string.Join('/', path.Split('/').Select(Uri.EscapeDataString));
}

/// <summary>Which headers of a call and of its answer are passed on.</summary>
internal static class ActorHeaders
{
    private static readonly HashSet<string> Replaced = new(StringComparer.OrdinalIgnoreCase)
    {
        "Content-Type", "Host", "User-Agent", "dapr-api-token", "traceparent", "tracestate", "Dapr-Reentrancy-Id",
        "Dapr-Api-Call", "Dapr-Caller-App-Id", "Dapr-Caller-Namespace",
    };

    /// <summary>The headers of a call that go on to the actor, with the trace if the caller sent one.</summary>
    public static List<KeyValuePair<string, StringValues>> ToActor(HttpContext http)
    {
        var passed = new List<KeyValuePair<string, StringValues>>(http.Request.Headers.Count);
        foreach (var header in http.Request.Headers)
        {
            if (!HopHeaders.Contains(header.Key) && !Replaced.Contains(header.Key))
            {
                passed.Add(header);
            }
        }

        if (http.Request.Headers.ContainsKey("traceparent"))
        {
            var trace = TraceContext.Of(http);
            passed.Add(new("traceparent", trace.Parent));
            if (trace.State.Length > 0)
            {
                passed.Add(new("tracestate", trace.State));
            }
        }

        return passed;
    }
}
