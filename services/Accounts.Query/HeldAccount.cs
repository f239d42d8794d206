using Accounts.Contracts;
using ServiceDefaults;

namespace Accounts.Query;

/// <summary>
/// The view could not take the account's next event: what it has is older than what the account is, and nobody knows by how
/// much. Such an answer would be wrong for as long as it takes somebody to look at it, hence none is given.
/// </summary>
internal sealed class HeldAccount : Exception
{
    private const string Minute = "60";
    private static readonly Problem Problem = Problems.Of(503, ProblemTypes.AccountHeld, "The view of the account is held up until somebody has looked at it");

    /// <summary>Answers 503 where a row turns out to be held.</summary>
    public static async ValueTask<object?> FilterAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        try
        {
            return await next(context);
        }
        catch (HeldAccount)
        {
            return Answer(context.HttpContext);
        }
    }

    /// <summary>The answer where something is held.</summary>
    public static IResult Answer(HttpContext context)
    {
        context.Response.Headers.RetryAfter = Minute;
        return Problem.Result();
    }
}
