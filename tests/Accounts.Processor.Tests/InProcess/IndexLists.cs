extern alias query;

using Accounts.Contracts;
using Accounts.Domain;
using Accounts.Processor.Functions;
using EventLog;
using query::Accounts.Query.Lists;

namespace Accounts.Processor.Tests.InProcess;

/// <summary>Lists as the query service reads them from the rows in a store, with a counter; and what they should hold.</summary>
internal sealed class IndexLists(IStateStore store, ViewPointer at, int partitions)
{
    /// <summary>Rows asked for so far.</summary>
    public int Rows { get; private set; }

    /// <summary>Bulk reads so far.</summary>
    public int Reads { get; private set; }

    private IndexReader Reader => new(
        async (keys, cancellation) =>
        {
            (Rows, Reads) = (Rows + keys.Count, Reads + 1);
            return (await store.ReadManyAsync(keys, cancellation)).ToDictionary(pair => pair.Key, pair => pair.Value.Value);
        },
        at,
        partitions);

    public async Task<ListPage> Page(ListFilter filter, int limit = 50, ListCursor? after = null) =>
        (await Reader.ListAsync(new ListRequest(filter, limit, after is null ? null : ListCursor.Parse(after.ToString(), filter)), CancellationToken.None))!;

    /// <summary>All pages of a list.</summary>
    public async Task<IReadOnlyList<ListItem>> All(ListFilter filter, int limit)
    {
        var items = new List<ListItem>();
        ListCursor? next = null;
        do
        {
            var page = await Page(filter, limit, next);
            Assert.InRange(page.Items.Count, next is null ? 0 : 1, limit);
            items.AddRange(page.Items);
            next = page.Next;
        }
        while (next is not null);
        return items;
    }

    public Task<CountsBody> Count(long? user = null) => Reader.CountAsync(user, CancellationToken.None);

    /// <summary>What a list should hold, by a plain fold of the log.</summary>
    public static IReadOnlyList<AccountBody> Expected(IEnumerable<LogRecord> records, ListFilter filter)
    {
        var accounts = Accounts(records).Where(a => filter.User is null || a.Account.UserId == filter.User).ToList();
        var shown = filter.User is null
            ? null
            : accounts.Where(a => a.Account.DefaultAccount).OrderBy(a => a.Account.DefaultSince).ThenBy(a => a.Account.AccountNumber, StringComparer.Ordinal)
                .Select(a => a.Account.AccountNumber).LastOrDefault() ?? "none";
        var bodies = accounts
            .OrderBy(a => a.Account.CreatedAt).ThenBy(a => a.At.Partition).ThenBy(a => a.Ordinal)
            .Select(a => AccountRows.BodyOf(a.Account, a.Version))
            .Select(body => shown is null ? body : body with { DefaultAccount = body.AccountNumber == shown })
            .Where(body => (filter.Status is null || body.Status == filter.Status) && (filter.DefaultAccount is null || body.DefaultAccount == filter.DefaultAccount));
        return filter.Order switch
        {
            ListOrder.CreatedAt => [.. bodies],
            ListOrder.CreatedAtDescending => [.. bodies.Reverse()],
            _ => [.. bodies.OrderBy(body => body.AccountNumber, StringComparer.Ordinal)],
        };
    }

    private static IEnumerable<(Account Account, long Version, LogPosition At, long Ordinal)> Accounts(IEnumerable<LogRecord> records) => records
        .SelectMany(record => record.Events)
        .GroupBy(recorded => recorded.Stream)
        .Select(events => (
            events.Aggregate((Account?)null, (state, recorded) =>
                Account.Evolve(state, AccountStorage.Read(recorded.Event.Name, recorded.Event.Schema, recorded.Event.Data)!))!,
            events.Last().Version, events.First().Position, events.First().StreamOrdinal));
}
