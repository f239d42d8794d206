using System.Globalization;
using Accounts.Contracts;
using ServiceDefaults;

namespace Accounts.Query;

/// <summary>The account as it was, by version or by time: the history has the account after each event.</summary>
internal static class PastStates
{
    private static readonly string[] TimeFormats = ["yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", "yyyy-MM-dd'T'HH:mm:sszzz", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFzzz"];

    private static readonly Problem UnknownState = Problems.Of(404, ProblemTypes.UnknownState, "The account never had this version, or was not there yet at this time");

    /// <summary>Null when the present is asked for.</summary>
    public static async Task<IResult?> AnswerAsync(string number, string? version, string? at, long minVersion, TimeSpan? wait, HttpContext context, HistoryRows rows, Freshness freshness, Dictionary<string, string[]> wrong)
    {
        var wanted = version is null ? 0 : Wholes.Read(version, "version", 1, AccountNumbers.MaxUserId, wrong) ?? 0;
        var time = at is null ? null : ReadTime(at, wrong);
        if (version is not null && at is not null)
        {
            wrong["at"] = ["must not be given together with version"];
        }

        if (wrong.Count > 0)
        {
            return Problems.Invalid(wrong).Result();
        }

        if (version is null && at is null)
        {
            return null;
        }

        if (!AccountNumbers.IsValid(number))
        {
            return AccountQueries.UnknownAccount.Result();
        }

        if (await freshness.LacksAsync(context, wait, rows, number, minVersion) is { } problem)
        {
            return problem.Result();
        }

        var cancellation = context.RequestAborted;
        var item = time is { } moment
            ? await rows.LastAsync(number, happened => happened.CreatedAt <= moment, cancellation)
            : await rows.FindAsync(number, wanted, cancellation);
        return item?.Account is { } account ? AccountQueries.Answer(context, account.Version, null, WithLinks(account), ContractsJson.Default.AccountBody)
            : await rows.FindAsync(number, 1, cancellation) is null ? AccountQueries.UnknownAccount.Result()
            : UnknownState.Result();
    }

    // Commands are for the present.
    private static AccountBody WithLinks(AccountBody account) => account with
    {
        Links = new Dictionary<string, Link>
        {
            ["self"] = new(string.Create(CultureInfo.InvariantCulture, $"{Addresses.Account("", account.AccountNumber)}?version={account.Version}")),
            ["events"] = new(Addresses.Events("", account.AccountNumber)),
        },
    };

    /// <summary>In epoch milliseconds; those of the events are cut off in the same way.</summary>
    private static long? ReadTime(string text, Dictionary<string, string[]> wrong)
    {
        if (DateTimeOffset.TryParseExact(text, TimeFormats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time))
        {
            return time.ToUnixTimeMilliseconds();
        }

        wrong["at"] = ["must be a time with its offset, as 2026-01-01T00:00:00Z"];
        return null;
    }
}
