using Dapr;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ServiceDefaults;

/// <summary>Turns what nobody caught, and refusals without a body (of routing, for instance), into problems.</summary>
internal static class Faults
{
    public static async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        if (SidecarToken.IsForSidecar(context))
        {
            await next(context);
            return;
        }

        try
        {
            await next(context);
            if (!context.Response.HasStarted && context.Response is { StatusCode: >= 400, ContentType: null, ContentLength: null })
            {
                await Problems.WriteAsync(context, Problems.ByStatus(context.Response.StatusCode));
            }
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody is waiting for an answer.
            context.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
        }
        catch (Exception fault) when (!context.Response.HasStarted)
        {
            await AnswerAsync(context, fault);
        }
    }

    private static Task AnswerAsync(HttpContext context, Exception fault)
    {
        var log = context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(Faults));
        switch (fault)
        {
            case BadHttpRequestException { StatusCode: var status }:
                return Problems.WriteAsync(context, Problems.ByStatus(status));

            case DaprException or RpcException or HttpRequestException or TimeoutException:
                log.LogWarning("The sidecar or what is behind it is away: {Reason}", fault.GetBaseException().Message);
                return Problems.WriteAsync(context, Problems.ByStatus(StatusCodes.Status503ServiceUnavailable));

            default:
                log.LogError(fault, "{Method} {Path} failed", context.Request.Method, context.Request.Path);
                return Problems.WriteAsync(context, Problems.ByStatus(StatusCodes.Status500InternalServerError));
        }
    }
}
