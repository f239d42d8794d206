using System.ComponentModel;
using Accounts.Contracts;
using Accounts.Query.Feed;
using ServiceDefaults;

namespace Accounts.Query.Streams;

/// <summary>What happens to accounts, as it happens.</summary>
internal static class StreamQueries
{
    private const string MediaType = "text/event-stream";
    private const string LastEventId = "Last-Event-ID";
    private static readonly Problem TooMany = Problems.ByStatus(503) with { Detail = "As many streams are open as there may be." };

    public static void AddStreams(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<OpenStreams>();
        builder.Services.AddSingleton<FeedTail>();
        builder.Services.AddHostedService(services => services.GetRequiredService<FeedTail>());
    }

    public static void MapStreams(this WebApplication app)
    {
        var streams = app.MapGroup("/v1/accounts").WithTags("Streams").AddEndpointFilter(HeldAccount.FilterAsync).AddEndpointFilter(async (invocation, next) =>
            Negotiation.Accepts(invocation.HttpContext.Request, MediaType) ? await next(invocation) : NotAcceptable.Result());

        streams.MapMethods("/{accountNumber}/stream", AccountQueries.Safe, (
                string accountNumber,
                [Description("The version to go on from; without it, and without Last-Event-ID, the stream begins with what happens next.")] string? after,
                HttpContext context, HistoryRows rows, FeedTail tail, OpenStreams open, Freshness freshness, TimeProvider time) =>
            FollowAccountAsync(accountNumber, after, context, rows, tail, open, freshness, time))
            .WithName("streamAccount").WithSummary("The events of an account as they happen")
            .IsStream("The account's version")
            .WaitsForVersion()
            .Refuses(404, "There is no account with this number, or no view shows it yet.");

        streams.MapMethods("/stream", AccountQueries.Safe, (
                [Description("The user.")] string? userId,
                [Description("The places to go on from, as the feed of all events gives them; without them, and without Last-Event-ID, the stream begins with what happens next.")] string? after,
                HttpContext context, FeedRows rows, FeedTail tail, OpenStreams open, TimeProvider time) => FollowUserAsync(userId, after, context, rows, tail, open, time))
            .WithName("streamUserAccounts").WithSummary("The events of a user's accounts as they happen")
            .IsStream("A place in every partition of the log");
    }

    private static async Task<IResult> FollowAccountAsync(
        string number, string? after, HttpContext context, HistoryRows rows, FeedTail tail, OpenStreams open, Freshness freshness, TimeProvider time)
    {
        var wrong = new Dictionary<string, string[]>();
        var (name, last) = ReadLast(context.Request, after, wrong);
        var version = last is null ? -1 : Wholes.Read(last, name, 0, AccountNumbers.MaxUserId, wrong) ?? -1;
        var wanted = Freshness.ReadMinVersion(context.Request, wrong);
        var wait = Freshness.ReadWait(context.Request, wrong);
        if (wrong.Count > 0)
        {
            return Problems.Invalid(wrong).Result();
        }

        if (!AccountNumbers.IsValid(number))
        {
            return AccountQueries.UnknownAccount.Result();
        }

        if (await freshness.LacksAsync(context, wait, rows, number, wanted) is { } problem)
        {
            return problem.Result();
        }

        var latest = version < 0 ? await rows.LastAsync(number, _ => true, context.RequestAborted) : await rows.FindAsync(number, 1, context.RequestAborted);
        if (latest is null)
        {
            return AccountQueries.UnknownAccount.Result();
        }

        // Who goes on after a version that the view does not have would never be told of those up to it.
        return version > 1 && await freshness.LacksAsync(context, wait, rows, number, version) is { } missing
            ? missing.Result()
            : Run(context, open, time, (stream, ending) =>
                new AccountStream(number, version < 0 ? latest.Version : version, version >= 0, stream, tail, rows).RunAsync(ending));
    }

    private static async Task<IResult> FollowUserAsync(
        string? userId, string? after, HttpContext context, FeedRows rows, FeedTail tail, OpenStreams open, TimeProvider time)
    {
        var wrong = new Dictionary<string, string[]>();
        var user = Wholes.Read(userId, "userId", 0, AccountNumbers.MaxUserId, wrong) ?? 0;
        var (name, last) = ReadLast(context.Request, after, wrong);
        var places = last is null ? null : FeedQueries.Read(last, name, wrong);
        if (wrong.Count > 0)
        {
            return Problems.Invalid(wrong).Result();
        }

        // Also without places: views that are away are told before the answer begins.
        var feed = await rows.OpenAsync(context.RequestAborted);
        return places is not null && feed is not null && !places.AreOf(feed.At, feed.Partitions)
            ? FeedQueries.OfAnotherLog(name).Result()
            : Run(context, open, time, (stream, ending) => new UserStream(user, places, stream, tail, rows).RunAsync(ending));
    }

    private static IResult Run(HttpContext context, OpenStreams open, TimeProvider time, Func<EventStream, CancellationToken, Task> follow)
    {
        var headers = context.Response.Headers;
        headers.ContentType = MediaType;
        headers.CacheControl = "no-cache";
        // Some proxies collect an answer before they pass it on, unless told.
        headers["X-Accel-Buffering"] = "no";
        return HttpMethods.IsHead(context.Request.Method) ? TypedResults.Ok() : new StreamResult(open, time, follow);
    }

    /// <summary>The header that a client sends when it comes back, else what the address says.</summary>
    private static (string Name, string? Value) ReadLast(HttpRequest request, string? after, Dictionary<string, string[]> wrong)
    {
        var given = request.Headers[LastEventId];
        if (given.Count > 1)
        {
            wrong[LastEventId] = ["must be given once"];
        }

        return given.Count > 0 ? (LastEventId, given[0] ?? "") : ("after", after);
    }

    private static Problem NotAcceptable { get; } = Problems.ByStatus(406) with { Title = "The answer is a stream of events, which the request does not accept" };

    private static RouteHandlerBuilder IsStream(this RouteHandlerBuilder endpoint, string id) => endpoint
        .Reads(LastEventId, $"The id of the last event that the client has: the stream goes on after it. {id}.")
        .Answers<string>(200, "Server-sent events, without end. event is the stored name, data an item of the history, id says where to go on after a cut.", MediaType)
        .Refuses(400, "The request is malformed, or the id was given for another log: one entry for each wrong part.")
        .Refuses(406, "The client does not accept text/event-stream.")
        .Refuses(500, "A fault of the service.")
        .Refuses(503, "Too many streams are open here, or something that the service needs is away: try again after Retry-After.");

    private sealed class StreamResult(OpenStreams open, TimeProvider time, Func<EventStream, CancellationToken, Task> follow) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            if (!open.TryOpen())
            {
                await Problems.WriteAsync(httpContext, TooMany);
                return;
            }

            var stopping = httpContext.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
            using var either = CancellationTokenSource.CreateLinkedTokenSource(httpContext.RequestAborted, stopping);
            try
            {
                await follow(new EventStream(httpContext.Response.BodyWriter, open.Heartbeat, time), either.Token);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested && !httpContext.Response.HasStarted)
            {
                await Problems.WriteAsync(httpContext, Problems.ByStatus(StatusCodes.Status503ServiceUnavailable));
            }
            catch (Exception cause) when (httpContext.Response.HasStarted && (either.IsCancellationRequested || cause is OperationCanceledException or Grpc.Core.RpcException))
            {
                // The answer ends here, whole; the client comes back for the rest.
            }
            finally
            {
                open.Close();
            }
        }
    }
}
