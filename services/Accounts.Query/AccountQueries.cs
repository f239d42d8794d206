using System.Globalization;
using System.Text.Json.Serialization.Metadata;
using Accounts.Contracts;
using ServiceDefaults;

namespace Accounts.Query;

internal static class AccountQueries
{
    private const string Here = "";
    private static readonly string[] Safe = [HttpMethods.Get, HttpMethods.Head];
    private static readonly Problem UnknownAccount = Problems.Of(404, ProblemTypes.UnknownAccount, "There is no account with this number");

    public static void AddViews(this WebApplicationBuilder builder)
    {
        builder.Services.AddSingleton<ViewRows>();
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
        var accounts = app.MapPublic("/v1/accounts").WithTags("Accounts");

        accounts.MapMethods("/{accountNumber}", Safe, async (string accountNumber, HttpContext context, ViewRows rows) =>
                await FindAsync(accountNumber, context, rows) is { } row
                    ? Answer(context, row, row.Account with { Links = Addresses.Links(Here, commandAddress, accountNumber, row.Commands) }, ContractsJson.Default.AccountBody)
                    : UnknownAccount.Result())
            .WithName("getAccount").WithSummary("An account")
            .Answers<AccountBody>(200, "The account, with what can be read next and the commands that are legal now.")
            .NamesVersion()
            .Refuses(404, "There is no account with this number, or no view shows it yet.");

        accounts.MapMethods("/{accountNumber}/commands", Safe, async (string accountNumber, HttpContext context, ViewRows rows) =>
                await FindAsync(accountNumber, context, rows) is { } row
                    ? Answer(context, row, new CommandsBody(Addresses.CommandLinks(commandAddress, accountNumber, row.Commands)), ContractsJson.Default.CommandsBody)
                    : UnknownAccount.Result())
            .WithName("listCommands").WithSummary("The commands that are legal now")
            .Answers<CommandsBody>(200, "The commands, as links to send them to.")
            .NamesVersion()
            .Refuses(404, "There is no account with this number, or no view shows it yet.");

        accounts.MapMethods("/{accountNumber}/events", Safe, ListEventsAsync)
            .WithName("listEvents").WithSummary("The events of an account, oldest first, 100 a page")
            .Answers<EventsBody>(200, "A page of events, each with the account after it.")
            .Sends(200, "Link", "The next page (rel=\"next\"), when there is one.")
            .Refuses(404, "There is no account with this number, or no view shows it yet.");

        // Commands are sent elsewhere, or, behind a gateway, to this very address.
        accounts.MapMethods("/{accountNumber}/commands/{name}", Safe, (HttpContext context) =>
            {
                context.Response.Headers.Allow = HttpMethods.Post;
                return Problems.ByStatus(StatusCodes.Status405MethodNotAllowed).Result();
            })
            .ExcludeFromDescription();
    }

    private static Task<AccountRow?> FindAsync(string number, HttpContext context, ViewRows rows) =>
        AccountNumbers.IsValid(number) ? rows.AccountAsync(number, context.RequestAborted) : Task.FromResult<AccountRow?>(null);

    private static async Task<IResult> ListEventsAsync(string accountNumber, string? after, HttpContext context, ViewRows rows)
    {
        if (!long.TryParse(after ?? "0", NumberStyles.None, CultureInfo.InvariantCulture, out var version) || version > AccountNumbers.MaxUserId)
        {
            return Problems.Invalid("after", "must be a version: a whole number, 0 or greater").Result();
        }

        if (!AccountNumbers.IsValid(accountNumber) || await rows.EventsAsync(accountNumber, version, context.RequestAborted) is not { } events)
        {
            return UnknownAccount.Result();
        }

        var page = events.Count > ViewRows.PageSize ? [.. events.Take(ViewRows.PageSize)] : events;
        context.Response.Headers.CacheControl = "no-cache";
        if (page.Count < events.Count)
        {
            context.Response.Headers.Link = string.Create(CultureInfo.InvariantCulture, $"<{Addresses.Events(Here, accountNumber)}?after={page[^1].Version}>; rel=\"next\"");
        }

        return TypedResults.Json(new EventsBody(page), ContractsJson.Default.EventsBody, Negotiation.AnswerType(context.Request));
    }

    private static IResult Answer<TBody>(HttpContext context, AccountRow row, TBody body, JsonTypeInfo<TBody> type)
    {
        var etag = string.Create(CultureInfo.InvariantCulture, $"\"{row.Version}\"");
        var headers = context.Response.Headers;
        headers.ETag = etag;
        headers.CacheControl = "no-cache";
        headers[AccountHeaders.Position] = row.Position;
        headers.Vary = "Accept";
        return Matches(context.Request.Headers.IfNoneMatch, etag)
            ? TypedResults.StatusCode(StatusCodes.Status304NotModified)
            : TypedResults.Json(body, type, Negotiation.AnswerType(context.Request));
    }

    // If-None-Match compares weakly (RFC 9110, 13.1.2).
    private static bool Matches(Microsoft.Extensions.Primitives.StringValues conditions, string etag) => conditions
        .SelectMany(condition => (condition ?? "").Split(',', StringSplitOptions.TrimEntries))
        .Any(tag => tag == "*" || tag == etag || (tag.StartsWith("W/", StringComparison.Ordinal) && tag.AsSpan(2).SequenceEqual(etag)));

    private static RouteHandlerBuilder NamesVersion(this RouteHandlerBuilder endpoint) => endpoint
        .Reads("If-None-Match", "ETags that the client knows: 304 when the account is still at one.")
        .Sends(200, "ETag", "The account's version.")
        .Sends(200, AccountHeaders.Position, "partition:position of the event that made this version.")
        .Answers(304, "The client knows this version.");
}
