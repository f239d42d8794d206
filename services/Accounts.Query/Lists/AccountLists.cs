using System.ComponentModel;
using Accounts.Contracts;
using ServiceDefaults;

namespace Accounts.Query.Lists;

internal static class AccountLists
{
    public static void AddLists(this WebApplicationBuilder builder) => builder.Services.AddSingleton<IndexViews>();

    public static void MapAccountLists(this WebApplication app)
    {
        var links = new ItemLinks((app.Configuration["CommandAddress"] ?? "").TrimEnd('/'));

        var lists = app.MapPublic("/v1").WithTags("Lists").WaitsForPosition(Views.Index);

        lists.MapMethods("/accounts", AccountQueries.Safe, (
                [Description("Only accounts of this user.")] string? userId,
                [Description("Only accounts with this status.")] string? status,
                [Description("true: only default accounts; false: only others.")] string? defaultAccount,
                [Description("createdAt (as it is without), -createdAt, or accountNumber, which needs userId.")] string? sort,
                [Description("Accounts on the page, 1 to 500; 50 without.")] string? limit,
                [Description("From the link to the next page.")] string? cursor,
                HttpContext context, IndexViews views) => ListAsync(null, context, views, links))
            .WithName("listAccounts").WithSummary("Accounts, in pages")
            .Answers<AccountsBody>(200, "A page of accounts. Of one user's accounts, at most one is shown as the default; accounts that are added meanwhile repeat none and hide none.")
            .Sends(200, "Link", "The next page (rel=\"next\"), when there is one.");

        lists.MapMethods("/users/{userId}/accounts", AccountQueries.Safe, (
                string userId,
                [Description("Only accounts with this status.")] string? status,
                [Description("true: only the default account; false: only others.")] string? defaultAccount,
                [Description("createdAt (as it is without), -createdAt, or accountNumber.")] string? sort,
                [Description("Accounts on the page, 1 to 500; 50 without.")] string? limit,
                [Description("From the link to the next page.")] string? cursor,
                HttpContext context, IndexViews views) => ListAsync(userId, context, views, links))
            .WithName("listUserAccounts").WithSummary("A user's accounts, in pages, with how many there are")
            .Answers<UserAccountsBody>(200, "A page of the user's accounts, of which at most one is shown as the default. Empty when there is none: users are not known here.")
            .Sends(200, "Link", "The next page (rel=\"next\"), when there is one.");

        lists.MapMethods("/accounts/counts", AccountQueries.Safe, (
                [Description("Only accounts of this user.")] string? userId,
                HttpContext context, IndexViews views) => CountAsync(context, views))
            .WithName("countAccounts").WithSummary("How many accounts there are, by status")
            .Answers<CountsBody>(200, "The counts.");
    }

    private static async Task<IResult> ListAsync(string? userInPath, HttpContext context, IndexViews views, ItemLinks links)
    {
        var wrong = new Dictionary<string, string[]>();
        var user = userInPath is null ? null : Wholes.Read(userInPath, "userId", 0, AccountNumbers.MaxUserId, wrong);
        if (ListRequest.Read(context.Request.Query, user, wrong) is not { } request)
        {
            return Problems.Invalid(wrong).Result();
        }

        var index = await views.OpenAsync(context.RequestAborted);
        var page = index is null ? new ListPage([], null, CountsBody.None) : await index.ListAsync(request, context.RequestAborted);
        if (page is null)
        {
            return Problems.Invalid("cursor", "is none that this list has given").Result();
        }

        if (page.Next is { } next)
        {
            context.Response.Headers.Link = $"<{context.Request.Path}{QueryWith(context.Request.Query, next)}>; rel=\"next\"";
        }

        var items = page.Items.Select(item => links.Of(item)).ToList();
        context.Response.Headers.CacheControl = "no-cache";
        var type = Negotiation.AnswerType(context.Request);
        return userInPath is null
            ? new JsonAnswer<AccountsBody>(new AccountsBody(items), ContractsJson.Default.AccountsBody, type)
            : new JsonAnswer<UserAccountsBody>(new UserAccountsBody(items, page.Counts), ContractsJson.Default.UserAccountsBody, type);
    }

    private static async Task<IResult> CountAsync(HttpContext context, IndexViews views)
    {
        var wrong = new Dictionary<string, string[]>();
        var user = ListRequest.Whole(context.Request.Query, "userId", 0, AccountNumbers.MaxUserId, wrong);
        if (wrong.Count > 0)
        {
            return Problems.Invalid(wrong).Result();
        }

        var index = await views.OpenAsync(context.RequestAborted);
        context.Response.Headers.CacheControl = "no-cache";
        return TypedResults.Json(
            index is null ? CountsBody.None : await index.CountAsync(user, context.RequestAborted),
            ContractsJson.Default.CountsBody,
            Negotiation.AnswerType(context.Request));
    }

    private static QueryString QueryWith(IQueryCollection query, ListCursor next) => QueryString.Create(
        query.Where(pair => !pair.Key.Equals("cursor", StringComparison.OrdinalIgnoreCase)).Append(new("cursor", next.ToString())));

    private sealed record ItemLinks(string CommandAddress)
    {
        public AccountBody Of(ListItem item) =>
            item.Account with { Links = Addresses.Links(AccountQueries.Here, CommandAddress, item.Account.AccountNumber, item.Commands) };
    }
}
