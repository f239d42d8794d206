using System.ComponentModel;
using System.Globalization;
using System.Text.Json.Serialization.Metadata;
using Accounts.Contracts;
using Accounts.Query.Feed;
using ServiceDefaults;

namespace Accounts.Query;

internal static class AccountQueries
{
    /// <summary>Where accounts are read, as links say it: relative to the answer.</summary>
    public const string Here = "";


    /// <summary>The methods of everything that is read.</summary>
    public static string[] Safe { get; } = [HttpMethods.Get, HttpMethods.Head];

    public static Problem UnknownAccount { get; } = Problems.Of(404, ProblemTypes.UnknownAccount, "There is no account with this number");

    public static void AddViews(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<ViewRows>();
        builder.Services.AddSingleton<HistoryRows>();
        builder.Services.AddSingleton<FeedRows>();
        builder.Services.AddSingleton<Freshness>();
        builder.Services.AddReadinessCheck("views", services =>
        {
            var rows = services.GetRequiredService<ViewRows>();
            return async cancellation =>
            {
                await rows.AskAsync(cancellation);
                return null;
            };
        });
    }

    /// <summary>Cursors and places name every partition of the log: up to 32 KiB for 1,024.</summary>
    public static void TakeLongTokens(this WebApplicationBuilder builder) => builder.WebHost.ConfigureKestrel(kestrel =>
    {
        kestrel.Limits.MaxRequestLineSize = 48 * 1024;
        kestrel.Limits.MaxRequestHeadersTotalSize = 64 * 1024;
    });

    /// <summary>Whatever the address, nothing is changed here.</summary>
    public static void RefuseUnsafeMethods(this WebApplication app) => app.Use((context, next) =>
    {
        var (method, path) = (context.Request.Method, context.Request.Path);
        if (HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsOptions(method) || !path.StartsWithSegments("/v1"))
        {
            return next(context);
        }

        context.Response.Headers.Allow = "GET, HEAD";
        return Problems.WriteAsync(context, Problems.ByStatus(StatusCodes.Status405MethodNotAllowed));
    });

    public static void MapAccountQueries(this WebApplication app)
    {
        var commandAddress = (app.Configuration["CommandAddress"] ?? "").TrimEnd('/');
        var accounts = app.MapPublic("/v1/accounts").WithTags("Accounts").AddEndpointFilter(HeldAccount.FilterAsync);

        accounts.MapMethods("/{accountNumber}", Safe, async (
                string accountNumber,
                [Description("The account as it was at this version.")] string? version,
                [Description("The account as it was at this time, for instance 2026-01-01T00:00:00Z; what happened just then counts.")] string? at,
                HttpContext context, ViewRows rows, HistoryRows history, Freshness freshness) =>
            {
                var wrong = new Dictionary<string, string[]>();
                var wanted = Freshness.ReadMinVersion(context.Request, wrong);
                var wait = Freshness.ReadWait(context.Request, wrong);
                return await PastStates.AnswerAsync(accountNumber, version, at, wanted, wait, context, history, freshness, wrong)
                    ?? await PresentAsync(accountNumber, wanted, wait, context, rows, freshness, row => Answer(
                        context, row.Version, row.Position, row.Account with { Links = Addresses.Links(Here, commandAddress, accountNumber, row.Commands) }, ContractsJson.Default.AccountBody));
            })
            .WithName("getAccount").WithSummary("An account, as it is or as it was")
            .Answers<AccountBody>(200, "The account, with what can be read next and the commands that are legal now; of a past state, without commands.")
            .NamesVersion()
            .WaitsForVersion()
            .Refuses(404, "There is no account with this number, or no view shows it yet; or it never had this version, or was not there yet at this time.");

        accounts.MapMethods("/{accountNumber}/commands", Safe, async (string accountNumber, HttpContext context, ViewRows rows, Freshness freshness) =>
            {
                var wrong = new Dictionary<string, string[]>();
                var wanted = Freshness.ReadMinVersion(context.Request, wrong);
                var wait = Freshness.ReadWait(context.Request, wrong);
                return wrong.Count > 0 ? Problems.Invalid(wrong).Result()
                    : await PresentAsync(accountNumber, wanted, wait, context, rows, freshness, row => Answer(
                        context, row.Version, row.Position, new CommandsBody(Addresses.CommandLinks(commandAddress, accountNumber, row.Commands)), ContractsJson.Default.CommandsBody));
            })
            .WithName("listCommands").WithSummary("The commands that are legal now")
            .Answers<CommandsBody>(200, "The commands, as links to send them to.")
            .NamesVersion()
            .WaitsForVersion()
            .Refuses(404, "There is no account with this number, or no view shows it yet.");

        accounts.MapEventQueries();

        // Commands are sent elsewhere, or, behind a gateway, to this very address.
        accounts.MapMethods("/{accountNumber}/commands/{name}", Safe, (HttpContext context) =>
            {
                context.Response.Headers.Allow = HttpMethods.Post;
                return Problems.ByStatus(StatusCodes.Status405MethodNotAllowed).Result();
            })
            .ExcludeFromDescription();
    }

    /// <summary>Answers with a state of an account.</summary>
    public static IResult Answer<TBody>(HttpContext context, long version, string? position, TBody body, JsonTypeInfo<TBody> type)
    {
        var etag = string.Create(CultureInfo.InvariantCulture, $"\"{version}\"");
        var headers = context.Response.Headers;
        headers.ETag = etag;
        headers.CacheControl = "no-cache";
        headers.Vary = "Accept";
        if (position is not null)
        {
            headers[AccountHeaders.Position] = position;
        }

        return Matches(context.Request.Headers.IfNoneMatch, etag)
            ? TypedResults.StatusCode(StatusCodes.Status304NotModified)
            : TypedResults.Json(body, type, Negotiation.AnswerType(context.Request));
    }

    /// <summary>Waits until the history has an account's version; the problem when it has not in time.</summary>
    public static async Task<Problem?> LacksAsync(this Freshness freshness, HttpContext context, TimeSpan? wait, HistoryRows rows, string number, long wanted) =>
        wanted == 0 || await freshness.ReadAsync(context, wait, cancellation => rows.FindAsync(number, wanted, cancellation), item => item is not null) is not null
            ? null
            : Freshness.NotYet((await rows.LastAsync(number, _ => true, context.RequestAborted))?.Version ?? 0);

    private static async Task<IResult> PresentAsync(
        string number, long wanted, TimeSpan? wait, HttpContext context, ViewRows rows, Freshness freshness, Func<AccountRow, IResult> answer)
    {
        if (!AccountNumbers.IsValid(number))
        {
            return UnknownAccount.Result();
        }

        var row = wanted == 0
            ? await rows.AccountAsync(number, context.RequestAborted)
            : await freshness.ReadAsync(context, wait, cancellation => rows.AccountAsync(number, cancellation), row => row?.Version >= wanted);
        return (row?.Version ?? 0) < wanted ? Freshness.NotYet(row?.Version ?? 0).Result()
            : row is null ? UnknownAccount.Result()
            : answer(row);
    }

    // If-None-Match compares weakly (RFC 9110, 13.1.2).
    private static bool Matches(Microsoft.Extensions.Primitives.StringValues conditions, string etag) => conditions
        .SelectMany(condition => (condition ?? "").Split(',', StringSplitOptions.TrimEntries))
        .Any(tag => tag == "*" || tag == etag || (tag.StartsWith("W/", StringComparison.Ordinal) && tag.AsSpan(2).SequenceEqual(etag)));

    /// <summary>Describes what <see cref="Freshness"/> reads of a request for one account.</summary>
    public static RouteHandlerBuilder WaitsForVersion(this RouteHandlerBuilder endpoint) => endpoint
        .Reads(AccountHeaders.MinVersion, "The version that the answer must show at least, as the ETag of a command's answer without its quotes; minVersion in the query does the same.")
        .Reads("Prefer", "wait=n: how many seconds to wait for that version, from 0 (if absent) to 10.")
        .Sends(200, "Preference-Applied", "The wait that was granted.")
        .Refuses(503, "The view has not come to the version that is asked for: the problem has the version that it has. Or something that the service needs is away.");

    /// <summary>Lets clients of a list wait until a view has come to positions that they know, and describes that.</summary>
    public static TBuilder WaitsForPosition<TBuilder>(this TBuilder endpoints, string view)
        where TBuilder : IEndpointConventionBuilder => endpoints
        .AddEndpointFilter((invocation, next) => Freshness.WaitAsync(view, invocation, next))
        .Reads(AccountHeaders.MinPosition, "What the answer must have come to: the Account-Position of a command's answer, or several separated by commas; minPosition in the query does the same.")
        .Reads("Prefer", "wait=n: how many seconds to wait for that, from 0 (if absent) to 10.")
        .Sends(200, "Preference-Applied", "The wait that was granted.")
        .Refuses(503, "The view has not come to the position that is asked for: the problem has the position that it has. Or something that the service needs is away.");

    private static RouteHandlerBuilder NamesVersion(this RouteHandlerBuilder endpoint) => endpoint
        .Reads("If-None-Match", "ETags that the client knows: 304 when the account is still at one.")
        .Sends(200, "ETag", "The account's version.")
        .Sends(200, AccountHeaders.Position, "partition:position of the event that made this version.")
        .Answers(304, "The client knows this version.");
}
