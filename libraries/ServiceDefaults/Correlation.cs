using System.Diagnostics;
using Accounts.Contracts;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Primitives;

namespace ServiceDefaults;

/// <summary>The ids that tie a request to what came before it.</summary>
public static class Correlation
{
    private const int MaxLength = 128;
    private static readonly object CorrelationKey = new();
    private static readonly object CausationKey = new();

    /// <summary>The request's <c>X-Correlation-Id</c>, or the one made for it.</summary>
    public static string CorrelationId(this HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return (string)context.Items[CorrelationKey]!;
    }

    /// <summary>The request's <c>X-Causation-Id</c>, or null.</summary>
    public static string? CausationId(this HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return (string?)context.Items[CausationKey];
    }

    internal static async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        if (SidecarToken.IsForSidecar(context))
        {
            await next(context);
            return;
        }

        var wrong = new Dictionary<string, string[]>();
        var correlation = Read(context, AccountHeaders.CorrelationId, wrong) ?? ActivityTraceId.CreateRandom().ToHexString();
        context.Items[CorrelationKey] = correlation;
        context.Items[CausationKey] = Read(context, AccountHeaders.CausationId, wrong);
        context.Response.Headers[AccountHeaders.CorrelationId] = correlation;

        var log = context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger("ServiceDefaults.Request");
        using (log.BeginScope("Correlation {CorrelationId}", correlation))
        {
            await (wrong.Count == 0 ? next(context) : Problems.WriteAsync(context, Problems.Invalid(wrong)));
        }
    }

    private static string? Read(HttpContext context, string header, Dictionary<string, string[]> wrong)
    {
        var values = context.Request.Headers[header];
        if (values.Count == 0)
        {
            return null;
        }

        if (values is [{ Length: > 0 and <= MaxLength } value] && value.All(c => c is > ' ' and <= '~'))
        {
            return value;
        }

        wrong[header] = [$"must be given once, as 1 to {MaxLength} visible ASCII characters"];
        return null;
    }
}
