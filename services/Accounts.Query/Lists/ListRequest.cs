using System.Globalization;
using Accounts.Contracts;
using ServiceDefaults;

namespace Accounts.Query.Lists;

internal enum ListOrder
{
    CreatedAt,
    CreatedAtDescending,
    AccountNumber,
}

/// <summary>What a list is to hold, and in which order.</summary>
internal sealed record ListFilter(long? User, string? Status, bool? DefaultAccount, ListOrder Order)
{
    /// <summary>The same text for the same list: a cursor belongs to one.</summary>
    public string Name => string.Create(CultureInfo.InvariantCulture, $"{Order}.{User}.{Status}.{DefaultAccount}");
}

/// <summary>A page of a list.</summary>
internal sealed record ListRequest(ListFilter Filter, int Limit, ListCursor? After)
{
    public const int DefaultLimit = 50;
    public const int MaxLimit = 500;

    /// <summary>Reads the query; null when something is wrong, which <paramref name="wrong"/> then says.</summary>
    public static ListRequest? Read(IQueryCollection query, long? user, Dictionary<string, string[]> wrong)
    {
        user ??= Whole(query, "userId", 0, AccountNumbers.MaxUserId, wrong);
        var status = Text(query, "status", wrong);
        if (status is not null && !IndexSummary.Statuses.Contains(status))
        {
            wrong["status"] = [$"must be one of {string.Join(", ", IndexSummary.Statuses)}"];
        }

        var isDefault = Text(query, "defaultAccount", wrong) switch
        {
            null => (bool?)null,
            "true" => true,
            "false" => false,
            _ => Refuse<bool>(wrong, "defaultAccount", "must be true or false"),
        };
        var order = Text(query, "sort", wrong) switch
        {
            null or "createdAt" => (ListOrder?)ListOrder.CreatedAt,
            "-createdAt" => ListOrder.CreatedAtDescending,
            "accountNumber" when user is not null => ListOrder.AccountNumber,
            "accountNumber" => Refuse<ListOrder>(wrong, "sort", "may be accountNumber only with userId"),
            _ => Refuse<ListOrder>(wrong, "sort", "must be createdAt, -createdAt or accountNumber"),
        };
        var limit = (int?)Whole(query, "limit", 1, MaxLimit, wrong) ?? DefaultLimit;
        var filter = new ListFilter(user, status, isDefault, order ?? ListOrder.CreatedAt);
        var cursor = Text(query, "cursor", wrong);
        var after = cursor is null || wrong.Count > 0 ? null : ListCursor.Parse(cursor, filter);
        if (cursor is not null && after is null && wrong.Count == 0)
        {
            wrong["cursor"] = ["is none that this list has given"];
        }

        return wrong.Count > 0 ? null : new ListRequest(filter, limit, after);
    }

    /// <summary>A whole number of a query or an address; null when it is missing or wrong.</summary>
    public static long? Whole(IQueryCollection query, string name, long min, long max, Dictionary<string, string[]> wrong) =>
        Text(query, name, wrong) is { } text ? Wholes.Read(text, name, min, max, wrong) : null;

    private static string? Text(IQueryCollection query, string name, Dictionary<string, string[]> wrong)
    {
        var values = query[name];
        if (values.Count > 1)
        {
            wrong[name] = ["is given more than once"];
        }

        return values.Count == 1 ? values[0] : null;
    }

    private static T? Refuse<T>(Dictionary<string, string[]> wrong, string name, string error)
        where T : struct
    {
        wrong.TryAdd(name, [error]);
        return null;
    }
}
