using Accounts.Contracts;
using Dapr.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace ServiceDefaults;

/// <summary>Something that a service must have before it can do its work.</summary>
/// <param name="Name">What it is called in the answer of <c>/healthz/ready</c>.</param>
/// <param name="NotReady">Null when it is there, else what it waits for, for the log only. May throw.</param>
public sealed record ReadinessCheck(string Name, Func<CancellationToken, Task<string?>> NotReady);

/// <summary>Whether the sidecar may give the service work: actors, messages, invocations. A service without one takes it at once.</summary>
/// <param name="IsOpen">Becomes true once, and stays so.</param>
public sealed record OpenCheck(Func<bool> IsOpen);

/// <summary>
/// The probes: <c>/healthz/startup</c>, <c>/healthz/live</c> (no dependencies) and <c>/healthz/ready</c> for the platform, and
/// <c>/healthz/open</c> for the sidecar's app health check.
/// </summary>
public static class Health
{
    /// <summary>Adds a check to <c>/healthz/ready</c>.</summary>
    public static IServiceCollection AddReadinessCheck(this IServiceCollection services, string name, Func<IServiceProvider, Func<CancellationToken, Task<string?>>> check) =>
        services.AddSingleton(provider => new ReadinessCheck(name, check(provider)));

    internal static void AddReadiness(this IServiceCollection services)
    {
        services.AddSingleton<Readiness>();
        services.AddReadinessCheck("sidecar", provider =>
        {
            var dapr = provider.GetRequiredService<DaprClient>();

            // Outbound health does not ask about the app: asking for all of it would go round in a circle.
            return async cancellation => await dapr.CheckOutboundHealthAsync(cancellation) ? null : "its outbound health";
        });
    }

    internal static void MapHealth(this WebApplication app)
    {
        var probes = app.MapGroup("/healthz").WithTags("Health");
        probes.MapGet("/startup", () => TypedResults.NoContent())
            .WithName("startup").WithSummary("Has the process started?").Answers(204, "It has.");
        probes.MapGet("/live", () => TypedResults.NoContent())
            .WithName("live").WithSummary("Is the process alive? Asks nothing else.").Answers(204, "It is.");
        var open = app.Services.GetService<OpenCheck>() ?? new OpenCheck(() => true);
        probes.MapGet("/open", () => TypedResults.StatusCode(open.IsOpen() ? StatusCodes.Status204NoContent : StatusCodes.Status503ServiceUnavailable))
            .WithName("open").WithSummary("May the sidecar give the service work? Asks nothing else.")
            .Answers(204, "It may.").Answers(503, "The service is still opening what it works on.");
        probes.MapGet("/ready", async (Readiness readiness, HttpContext context) =>
            {
                var answer = await readiness.AskAsync();
                context.Response.Headers.CacheControl = "no-store";
                return TypedResults.Json(answer, statusCode: answer.Ready ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable);
            })
            .WithName("ready").WithSummary("Can the service do its work now?")
            .Answers<ReadinessAnswer>(200, "It can.", MediaTypes.Json)
            .Answers<ReadinessAnswer>(503, "It waits for the checks that are false.", MediaTypes.Json);
    }
}

/// <summary>The answer of <c>/healthz/ready</c>.</summary>
/// <param name="Ready">True when every check is.</param>
/// <param name="Checks">The checks by name.</param>
internal sealed record ReadinessAnswer(bool Ready, IReadOnlyDictionary<string, bool> Checks);

/// <summary>Runs the checks at most once a second, however often it is asked.</summary>
internal sealed class Readiness(IEnumerable<ReadinessCheck> checks, TimeProvider time, ILogger<Readiness> log) : IDisposable
{
    private static readonly TimeSpan Lasts = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private readonly SemaphoreSlim _one = new(1);
    private ReadinessAnswer? _answer;
    private long _asked;
    private string _waitsFor = "";

    public async Task<ReadinessAnswer> AskAsync()
    {
        await _one.WaitAsync();
        try
        {
            if (_answer is null || time.GetElapsedTime(_asked) >= Lasts)
            {
                _answer = await RunAsync();
                _asked = time.GetTimestamp();
            }

            return _answer;
        }
        finally
        {
            _one.Release();
        }
    }

    public void Dispose() => _one.Dispose();

    private async Task<ReadinessAnswer> RunAsync()
    {
        var found = await Task.WhenAll(checks.Select(async check => (check.Name, NotReady: await ProblemOfAsync(check))));
        var waitsFor = string.Join("; ", found.Where(f => f.NotReady is not null).Select(f => $"{f.Name}: {f.NotReady}"));
        if (waitsFor != _waitsFor)
        {
            _waitsFor = waitsFor;
            log.LogInformation("Ready: {Ready}. Waits for: {WaitsFor}", waitsFor.Length == 0, waitsFor);
        }

        return new ReadinessAnswer(waitsFor.Length == 0, found.ToDictionary(f => f.Name, f => f.NotReady is null));
    }

    private async Task<string?> ProblemOfAsync(ReadinessCheck check)
    {
        using var patience = new CancellationTokenSource(Patience, time);
        try
        {
            return await check.NotReady(patience.Token);
        }
        catch (Exception fault)
        {
            return fault.GetType().Name;
        }
    }
}
