using System.Diagnostics;
using Accounts.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Primitives;

namespace ServiceDefaults;

/// <summary>The ids that tie a request to what came before it.</summary>
public static class Correlation
{
    private const int MaxLength = 128;
    private static readonly object Key = new();
    private static readonly Func<ILogger, string, IDisposable?> Scope = LoggerMessage.DefineScope<string>("Correlation {CorrelationId}");

    /// <summary>The request's <c>X-Correlation-Id</c>, or the one made for it.</summary>
    public static string CorrelationId(this HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return Of(context).Correlation;
    }

    /// <summary>The request's <c>X-Causation-Id</c>, or null.</summary>
    public static string? CausationId(this HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return Of(context).Causation;
    }

    internal static void UseCorrelation(this WebApplication app)
    {
        var log = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("ServiceDefaults.Request");
        app.Use((context, next) => SidecarToken.IsForSidecar(context) ? next(context) : InvokeAsync(context, next, log));
    }

    private static async Task InvokeAsync(HttpContext context, RequestDelegate next, ILogger log)
    {
        var wrong = new Dictionary<string, string[]>();
        var correlation = Read(context, AccountHeaders.CorrelationId, wrong) ?? ActivityTraceId.CreateRandom().ToHexString();
        context.Items[Key] = new Ids(correlation, Read(context, AccountHeaders.CausationId, wrong));
        context.Response.Headers[AccountHeaders.CorrelationId] = correlation;
        using (Scope(log, correlation))
        {
            await (wrong.Count == 0 ? next(context) : Problems.WriteAsync(context, Problems.Invalid(wrong)));
        }
    }

    // What is for the sidecar has ids only when somebody asks for them, as the problem does that refuses a caller without the token.
    private static Ids Of(HttpContext context)
    {
        if (context.Items[Key] is not Ids ids)
        {
            context.Items[Key] = ids = new Ids(ActivityTraceId.CreateRandom().ToHexString(), null);
        }

        return ids;
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

    private sealed record Ids(string Correlation, string? Causation);
}
