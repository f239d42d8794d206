using System.Net;
using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.AspNetCore.Http.Features;
using Sidecar.Faults;
using Sidecar.Server;

namespace Sidecar.Invocation;

/// <summary>
/// Calls from app to app. Status, headers and body of the answer pass through unchanged, whatever they are; only a call
/// that did not reach the app is an error of the sidecar's own.
/// </summary>
internal static class InvocationApi
{
    private const FaultKind Kinds = FaultKind.Block | FaultKind.Delay | FaultKind.FailBefore | FaultKind.FailAfter;

    private static readonly HashSet<string> _hopByHop = new(StringComparer.OrdinalIgnoreCase)
    {
        "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "TE", "Trailer",
        "Transfer-Encoding", "Upgrade", "Content-Length",
    };

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

        using var request = new HttpRequestMessage(new HttpMethod(http.Request.Method), target.PathAndQuery);
        if (http.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody ?? true)
        {
            request.Content = new StreamContent(http.Request.Body);
            request.Content.Headers.ContentLength = http.Request.ContentLength;
        }

        foreach (var (name, values) in http.Request.Headers)
        {
            if (!_hopByHop.Contains(name) && name is not ("Host" or "dapr-api-token")
                && !request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values))
            {
                request.Content ??= new ByteArrayContent([]);
                request.Content.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            }
        }

        await CallAsync(sidecar, target, request, TraceContext.Of(http), response => CopyAsync(response, http), http.RequestAborted);
    }

    private static async Task CallAsync(
        AppSidecar sidecar,
        InvocationTarget target,
        HttpRequestMessage request,
        TraceContext trace,
        Func<HttpResponseMessage, Task> read,
        CancellationToken cancellation)
    {
        var met = await sidecar.Neighbourhood.Faults.MeetAsync(Fault.Invoke, sidecar.App.AppId, Kinds, cancellation);
        if (met.HasFlag(FaultKind.FailBefore))
        {
            throw Failed(FaultKind.FailBefore);
        }

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
            await replica.Channel!.StreamAsync(request, met.HasFlag(FaultKind.FailAfter) ? r => r.Content.CopyToAsync(Stream.Null, cancellation) : read, cancellation);
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

        if (met.HasFlag(FaultKind.FailAfter))
        {
            throw Failed(FaultKind.FailAfter);
        }

        DaprFault Failed(FaultKind kind) => target.Failed($"rpc error: code = Unavailable desc = {FaultSwitches.Words(Fault.Invoke, kind)}").Fault();
    }

    private static async Task CopyAsync(HttpResponseMessage response, HttpContext http)
    {
        http.Response.StatusCode = (int)response.StatusCode;
        foreach (var (name, values) in response.Headers.NonValidated.Concat(response.Content.Headers.NonValidated))
        {
            if (!_hopByHop.Contains(name))
            {
                http.Response.Headers[name] = values.ToArray();
            }
        }

        await response.Content.CopyToAsync(http.Response.Body, http.RequestAborted);
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
        using var request = new HttpRequestMessage(new HttpMethod(verb.ToString().ToUpperInvariant()), target.PathAndQuery);
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

        var answer = new InvokeResponse();
        await CallAsync(sidecar, target, request, TraceContext.Of(context.GetHttpContext()), async response =>
        {
            var bytes = await response.Content.ReadAsByteArrayAsync(context.CancellationToken);
            await context.WriteResponseHeadersAsync(Headers(response));
            if (!response.IsSuccessStatusCode)
            {
                throw new RpcException(new Grpc.Core.Status(FromHttp((int)response.StatusCode), response.ReasonPhrase ?? ""));
            }

            answer.Data = new Any { Value = UnsafeByteOperations.UnsafeWrap(bytes) };
            answer.ContentType = response.Content.Headers.ContentType?.ToString() ?? "";
        }, context.CancellationToken);
        return answer;
    }

    private static Metadata Headers(HttpResponseMessage response)
    {
        var headers = new Metadata
        {
            { "dapr-http-status", ((int)response.StatusCode).ToString(System.Globalization.CultureInfo.InvariantCulture) },
        };
        foreach (var (name, values) in response.Headers.NonValidated)
        {
            if (!_hopByHop.Contains(name) && name is not ("Date" or "Server"))
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
}
