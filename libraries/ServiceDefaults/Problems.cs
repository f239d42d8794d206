using System.Diagnostics;
using System.Text.Json;
using Accounts.Contracts;
using Microsoft.AspNetCore.Http;

namespace ServiceDefaults;

/// <summary>Makes and writes problems (RFC 9457). No problem names anything inside the service.</summary>
public static class Problems
{
    /// <summary>Seconds after which a client should try again, in <c>Retry-After</c> of every 503 that says nothing else.</summary>
    public const int RetryAfter = 1;

    /// <summary>A 400 with what is wrong, by member or header.</summary>
    public static Problem Invalid(IReadOnlyDictionary<string, string[]> errors) => ByStatus(StatusCodes.Status400BadRequest) with { Errors = errors };

    /// <summary>A 400 with one thing that is wrong.</summary>
    public static Problem Invalid(string field, string error) => Invalid(new Dictionary<string, string[]> { [field] = [error] });

    /// <summary>The problem that says no more than its status does.</summary>
    public static Problem ByStatus(int status) => status switch
    {
        400 => Of(status, ProblemTypes.InvalidRequest, "The request is malformed"),
        401 => Of(status, ProblemTypes.Unauthorized, "This address is for the sidecar only"),
        404 => Of(status, ProblemTypes.UnknownAddress, "There is nothing at this address"),
        405 => Of(status, ProblemTypes.MethodNotAllowed, "The address does not take this method"),
        406 => Of(status, ProblemTypes.NotAcceptable, "The answer is JSON, which the request does not accept"),
        413 => Of(status, ProblemTypes.BodyTooLarge, "The body is too large"),
        415 => Of(status, ProblemTypes.UnsupportedMediaType, "The body must be application/json"),
        503 => Of(status, ProblemTypes.Unavailable, "Something that the service needs is away"),
        < 500 => Of(status, ProblemTypes.InvalidRequest, "The request is malformed"),
        _ => Of(status, ProblemTypes.Fault, "The service failed"),
    };

    /// <summary>A problem; details are added by <c>with</c>.</summary>
    public static Problem Of(int status, string type, string title) => new() { Type = type, Title = title, Status = status };

    /// <summary>The problem as the answer of an endpoint.</summary>
    public static IResult Result(this Problem problem) => new ProblemResult(problem);

    /// <summary>Answers a request with a problem, and adds the id under which it is found in traces and logs.</summary>
    public static Task WriteAsync(HttpContext context, Problem problem)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(problem);
        var response = context.Response;
        response.StatusCode = problem.Status;
        response.ContentType = MediaTypes.Problem;
        response.Headers.CacheControl = "no-store";
        if (problem.Status == StatusCodes.Status503ServiceUnavailable && response.Headers.RetryAfter.Count == 0)
        {
            response.Headers.RetryAfter = RetryAfter.ToString(System.Globalization.CultureInfo.InvariantCulture);
        }

        var traced = problem with { TraceId = Activity.Current?.TraceId.ToHexString() ?? context.CorrelationId() };
        var body = JsonSerializer.SerializeToUtf8Bytes(traced, ContractsJson.Default.Problem);
        response.ContentLength = body.Length;
        return HttpMethods.IsHead(context.Request.Method) ? Task.CompletedTask : response.Body.WriteAsync(body, context.RequestAborted).AsTask();
    }

    private sealed class ProblemResult(Problem problem) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext) => WriteAsync(httpContext, problem);
    }
}
