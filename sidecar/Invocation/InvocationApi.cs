using System.Net;
using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.AspNetCore.Http.Features;
using Sidecar.Faults;
using Sidecar.Resiliency;
using Sidecar.Server;

namespace Sidecar.Invocation;

/// <summary>
/// Calls from app to app. Status, headers and body of the answer pass through unchanged, whatever they are; only a call
/// that did not reach the app is an error of the sidecar's own.
/// </summary>
internal static class InvocationApi
{
    public static void Map(GrpcMethods methods, AppSidecar sidecar) =>
        methods.Unary<InvokeServiceRequest, InvokeResponse>("InvokeService", (request, context) => InvokeAsync(sidecar, request, context));

    /// <summary>Serves every path that is no other API's: Dapr takes all of them for invocations.</summary>
    public static async Task UnknownPathAsync(HttpContext http, AppSidecar sidecar)
    {
        var raw = http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        if (InvocationTarget.Of(raw, http.Request.Headers) is not { } target)
        {
            await http.AnswerAsync(new DaprError(
                "ERR_DIRECT_INVOKE",
                "failed getting app id either from the URL path or the header dapr-app-id",
                StatusCodes.Status404NotFound,
                StatusCode.InvalidArgument));
            return;
        }

        // As in Dapr (pkg/api/http/directmessaging.go): a body of unknown length passes through and is never repeated, any other is kept
        // when it may be.
        var policy = sidecar.Policies.App(target.AppId);
        var hasBody = http.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody ?? true;
        var repeats = policy.Retry is { MaxRetries: not 0 } && !(hasBody && http.Request.ContentLength is null);
        var kept = hasBody && (repeats || !sidecar.Neighbourhood.Faults.None) ? await http.BodyAsync() : null;
        var trace = TraceContext.Of(http);
        var attempt = await policy.RunAsync(
            token => TryAsync(token), r => repeats && r.Failed && !http.Response.HasStarted ? new Verdict(true, r.Refusal?.Status) : Verdict.Done,
            new Attempt(target.Failed(Policy.TimedOut), null), sidecar.Neighbourhood.Time, http.RequestAborted, http.RequestAborted);
        if (attempt.Error is { } error)
        {
            throw error.Fault();
        }

        if (attempt.Refusal is { } refusal)
        {
            await refusal.WriteAsync(http);
        }

        HttpRequestMessage Make() =>
            Request(http, target, !hasBody ? null : kept is null ? new StreamContent(http.Request.Body) : new ByteArrayContent(kept));

        async Task<Attempt> TryAsync(CancellationToken cancellation)
        {
            Answer? refused = null;
            try
            {
                await CallAsync(sidecar, target, Make, trace, async response =>
                {
                    if (repeats && (int)response.StatusCode is < 200 or > 399)
                    {
                        refused = await Answer.ReadAsync(response, cancellation);
                        return;
                    }

                    Answer.WriteHead(response, http);
                    await response.Content.CopyToAsync(http.Response.Body, cancellation);
                }, cancellation);
                return new Attempt(null, refused);
            }
            catch (DaprFault fault)
            {
                return new Attempt(fault.Error, null);
            }
        }
    }

    private static HttpRequestMessage Request(HttpContext http, InvocationTarget target, HttpContent? content)
    {
        var request = new HttpRequestMessage(new HttpMethod(http.Request.Method), target.PathAndQuery) { Content = content };
        if (content is not null)
        {
            content.Headers.ContentLength = http.Request.ContentLength ?? content.Headers.ContentLength;
        }

        foreach (var (name, values) in http.Request.Headers)
        {
            if (!HopHeaders.Contains(name) && name is not ("Host" or "dapr-api-token")
                && !request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values))
            {
                request.Content ??= new ByteArrayContent([]);
                request.Content.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            }
        }

        return request;
    }

    private static async Task CallAsync(
        AppSidecar sidecar,
        InvocationTarget target,
        Func<HttpRequestMessage> make,
        TraceContext trace,
        Func<HttpResponseMessage, Task> read,
        CancellationToken cancellation)
    {
        var faults = sidecar.Neighbourhood.Faults;
        var met = await faults.MeetAsync(Fault.Invoke, sidecar.App.AppId, Fault.OfCalls, cancellation);
        if (met.HasFlag(FaultKind.FailBefore))
        {
            throw Failed(FaultKind.FailBefore);
        }

        Task Unread(HttpResponseMessage response) => response.Content.CopyToAsync(Stream.Null, cancellation);
        if (met.HasFlag(FaultKind.Repeat))
        {
            using var once = make();
            await SendAsync(sidecar, target, once, trace, Unread, cancellation);
        }

        using var request = make();
        await SendAsync(sidecar, target, request, trace, met.HasFlag(FaultKind.FailAfter) ? Unread : read, cancellation);
        faults.Passed(Fault.Invoke);
        if (met.HasFlag(FaultKind.FailAfter))
        {
            throw Failed(FaultKind.FailAfter);
        }

        DaprFault Failed(FaultKind kind) => target.Failed($"rpc error: code = Unavailable desc = {FaultSwitches.Words(Fault.Invoke, kind)}").Fault();
    }

    private static async Task SendAsync(
        AppSidecar sidecar,
        InvocationTarget target,
        HttpRequestMessage request,
        TraceContext trace,
        Func<HttpResponseMessage, Task> read,
        CancellationToken cancellation)
    {
        var replica = target.Replica(sidecar.Neighbourhood);
        trace.Write(request);
        if (replica.App.AppId != sidecar.App.AppId)
        {
            if (InvocationAccess.Refusal(sidecar.App, target, replica.App, request.Method.Method) is { } refusal)
            {
                throw refusal.Fault();
            }

            var host = Dns.GetHostName();
            Set(request, "dapr-caller-app-id", sidecar.App.AppId);
            Set(request, "dapr-caller-namespace", InvocationTarget.Namespace);
            Set(request, "dapr-callee-app-id", replica.App.AppId);
            request.Headers.TryAddWithoutValidation("X-Forwarded-For", "127.0.0.1");
            request.Headers.TryAddWithoutValidation("X-Forwarded-Host", host);
            request.Headers.TryAddWithoutValidation("Forwarded", $"for=127.0.0.1;by=127.0.0.1;host={host}");
        }

        try
        {
            await replica.Channel!.StreamAsync(request, read, cancellation);
        }
        catch (HttpRequestException e) when (e.InnerException is not BadHttpRequestException)
        {
            throw target.Failed($"rpc error: code = Internal desc = error invoking app channel: {e.Message}").Fault();
        }
        catch (HttpRequestException e)
        {
            throw ((BadHttpRequestException)e.InnerException!).StatusCode == StatusCodes.Status413PayloadTooLarge
                ? Requests.StreamTooLarge.Fault()
                : e;
        }
    }

    private static async Task<InvokeResponse> InvokeAsync(AppSidecar sidecar, InvokeServiceRequest call, ServerCallContext context)
    {
        if (call.Message is not { } message)
        {
            throw new RpcException(new Grpc.Core.Status(StatusCode.InvalidArgument, "failed parsing metadata: message is nil"));
        }

        if (message.HttpExtension?.Verb is not { } verb || verb == HTTPExtension.Types.Verb.None)
        {
            throw new RpcException(new Grpc.Core.Status(StatusCode.InvalidArgument, "invalid HTTP verb"));
        }

        var query = message.HttpExtension.Querystring;
        var target = new InvocationTarget(
            call.Id, "/" + message.Method.TrimStart('/') + (query.Length > 0 ? "?" + query : ""));
        var trace = TraceContext.Of(context.GetHttpContext());

        // Dapr repeats whatever failed, also what `matching` leaves out: the answer has become a gRPC status by then (pkg/api/grpc/grpc.go).
        var (answer, headers, failure) = await sidecar.Policies.App(call.Id).RunAsync(
            token => TryAsync(sidecar, target, () => Request(message, verb, target, context), trace, token),
            r => r.Failure is null ? Verdict.Done : Verdict.Again,
            (null, null, new RpcException(new Grpc.Core.Status(StatusCode.DeadlineExceeded, Policy.TimedOut))),
            sidecar.Neighbourhood.Time, context.CancellationToken, context.CancellationToken);
        if (headers is not null)
        {
            await context.WriteResponseHeadersAsync(headers);
        }

        return failure is null ? answer! : throw failure;
    }

    private static HttpRequestMessage Request(InvokeRequest message, HTTPExtension.Types.Verb verb, InvocationTarget target, ServerCallContext context)
    {
        var request = new HttpRequestMessage(new HttpMethod(verb.ToString().ToUpperInvariant()), target.PathAndQuery);
        if (message.Data is { Value.Length: > 0 } data)
        {
            request.Content = new ReadOnlyMemoryContent(data.Value.Memory);
            request.Content.Headers.TryAddWithoutValidation(
                "Content-Type", message.ContentType.Length > 0 ? message.ContentType : "application/json");
        }

        foreach (var entry in context.RequestHeaders)
        {
            if (!entry.IsBinary && !entry.Key.StartsWith("grpc-", StringComparison.Ordinal)
                && entry.Key is not ("dapr-api-token" or "user-agent" or "te" or "content-type"))
            {
                request.Headers.TryAddWithoutValidation(entry.Key, entry.Value);
            }
        }

        return request;
    }

    private static async Task<(InvokeResponse? Answer, Metadata? Headers, Exception? Failure)> TryAsync(
        AppSidecar sidecar, InvocationTarget target, Func<HttpRequestMessage> make, TraceContext trace, CancellationToken cancellation)
    {
        InvokeResponse? answer = null;
        Metadata? headers = null;
        try
        {
            await CallAsync(sidecar, target, make, trace, async response =>
            {
                var bytes = await response.Content.ReadAsByteArrayAsync(cancellation);
                headers = Headers(response);
                if (!response.IsSuccessStatusCode)
                {
                    throw new RpcException(new Grpc.Core.Status(FromHttp((int)response.StatusCode), response.ReasonPhrase ?? ""));
                }

                answer = new InvokeResponse
                {
                    Data = new Any { Value = UnsafeByteOperations.UnsafeWrap(bytes) },
                    ContentType = response.Content.Headers.ContentType?.ToString() ?? "",
                };
            }, cancellation);
            return (answer ?? new InvokeResponse(), headers, null);
        }
        catch (Exception e) when (e is DaprFault or RpcException)
        {
            return (null, headers, e);
        }
    }

    private static Metadata Headers(HttpResponseMessage response)
    {
        var headers = new Metadata
        {
            { "dapr-http-status", ((int)response.StatusCode).ToString(System.Globalization.CultureInfo.InvariantCulture) },
        };
        foreach (var (name, values) in response.Headers.NonValidated)
        {
            if (!HopHeaders.Contains(name) && name is not ("Date" or "Server"))
            {
                headers.Add(name.ToLowerInvariant(), values.ToString());
            }
        }

        return headers;
    }

    private static StatusCode FromHttp(int status) => status switch
    {
        400 => StatusCode.InvalidArgument,
        401 => StatusCode.Unauthenticated,
        403 => StatusCode.PermissionDenied,
        404 => StatusCode.NotFound,
        408 => StatusCode.Cancelled,
        409 => StatusCode.AlreadyExists,
        429 => StatusCode.ResourceExhausted,
        501 => StatusCode.Unimplemented,
        503 => StatusCode.Unavailable,
        504 => StatusCode.DeadlineExceeded,
        _ => StatusCode.Unknown,
    };

    private static void Set(HttpRequestMessage request, string name, string value)
    {
        request.Headers.Remove(name);
        request.Headers.TryAddWithoutValidation(name, value);
    }

    /// <summary>How an attempt ended: with an error of the sidecar's, an answer that a policy may refuse to take, or all passed on.</summary>
    private readonly record struct Attempt(DaprError? Error, Answer? Refusal)
    {
        public bool Failed => Error is not null || Refusal is not null;
    }
}
