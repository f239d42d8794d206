extern alias query;

using System.Diagnostics;
using System.Globalization;
using Accounts.Contracts;
using Accounts.Domain;
using Accounts.Processor.Tests.InProcess;
using query::Accounts.Query.Lists;

namespace Accounts.Processor.Tests;

/// <summary>
/// What a page costs is counted, at 1,000 accounts and at many. How many is said by <c>ACCOUNTS_INDEX_SIZE</c>; a million
/// takes about a minute.
/// </summary>
public class IndexSizeTests(ITestOutputHelper output)
{
    private const int Partitions = 8;
    private const int Few = 1_000;

    private static readonly int Many = int.Parse(Environment.GetEnvironmentVariable("ACCOUNTS_INDEX_SIZE") ?? "40000", CultureInfo.InvariantCulture);

    // User 1 has a tenth of all accounts, with numbers in no order of creation; of every 1,000 accounts one is suspended, and
    // just five are archived, however many there are.
    private static long User(int i) => i % 10 == 0 ? 1 : 1_000_000 + (i / 3);

    private static string Number(int i) => $"{(i * 7_919L) % 1_000_003}-{i}";

    private static IReadOnlyList<AccountEvent> Later(int i, int of) =>
        i % (of / 5) == 17 ? [new AccountEvent.Archived(2_000_000, Number(i))]
        : i % 1_000 == 500 ? [new AccountEvent.Suspended(2_000_000, Number(i))]
        : [];

    public static TheoryData<string, int> Lists => new()
    {
        { "", 50 },
        { "", 500 },
        { "down", 50 },
        { "status ACCOUNT_SUSPENDED", 50 },
        { "status ACCOUNT_ARCHIVED", 50 },
        { "user", 50 },
        { "user down", 50 },
        { "user number", 50 },
        { "user number status ACCOUNT_SUSPENDED", 50 },
    };

    [Fact]
    public async Task What_a_page_and_a_count_cost_does_not_depend_on_how_many_accounts_there_are()
    {
        var few = await Filled(Few);
        var many = await Filled(Many);
        foreach (var (list, limit) in Lists.Select(row => row.Data))
        {
            var filter = new ListFilter(
                list.Contains("user", StringComparison.Ordinal) ? 1 : null,
                list.Split(' ').FirstOrDefault(word => word.StartsWith("ACCOUNT_", StringComparison.Ordinal)),
                null,
                list.Contains("down", StringComparison.Ordinal) ? ListOrder.CreatedAtDescending
                : list.Contains("number", StringComparison.Ordinal) ? ListOrder.AccountNumber : ListOrder.CreatedAt);
            var atFew = await Cost(few, filter, limit);
            var atMany = await Cost(many, filter, limit);
            output.WriteLine($"{list,-40} {limit,4}: {atFew.Rows,4} rows in {atFew.Reads} reads of {Few}; {atMany.Rows,4} rows in {atMany.Reads} reads of {Many}");

            // Some lists are short when there are few accounts, and some rows are saved by having fewer of them; no more than
            // that: the depth of the trees, and two rows for each account where matches are far apart.
            Assert.InRange(atMany.Rows, 0, (2 * limit) + (Partitions * 16));
            Assert.InRange(atMany.Reads, 0, 24);
        }

        foreach (var user in (long?[])[null, 1])
        {
            var before = many.Rows;
            Assert.True((await many.Count(user)).Total >= Many / 10);
            Assert.Equal(Partitions, many.Rows - before);
        }
    }

    private static async Task<(int Rows, int Reads)> Cost(IndexLists lists, ListFilter filter, int limit)
    {
        // A page in the middle costs most.
        var (rows, reads) = (0, 0);
        ListCursor? next = null;
        for (var page = 0; page < 3; page++)
        {
            var (rowsBefore, readsBefore) = (lists.Rows, lists.Reads);
            next = (await lists.Page(filter, limit, next)).Next;
            (rows, reads) = (Math.Max(rows, lists.Rows - rowsBefore), Math.Max(reads, lists.Reads - readsBefore));
            if (next is null)
            {
                break;
            }
        }

        return (rows, reads);
    }

    private async Task<IndexLists> Filled(int accounts)
    {
        var store = new SimulatedStore();
        var begun = Stopwatch.GetTimestamp();
        await IndexSeed.Fill(store, Partitions, accounts, User, Number, i => Later(i, accounts));
        var lists = new IndexLists(store, Given.At, Partitions);
        Assert.Equal(accounts, (await lists.Count()).Total);
        Assert.Equal(5, (await lists.Count()).ByStatus["ACCOUNT_ARCHIVED"]);
        var sizes = store.Values.Values.Select(value => value.Length).ToList();
        output.WriteLine($"{accounts} accounts: {sizes.Count} rows, largest {sizes.Max()} bytes, {accounts / Stopwatch.GetElapsedTime(begun).TotalSeconds:N0} accounts folded and saved a second");
        Assert.InRange(sizes.Max(), 1, 32 * 1024);
        return lists;
    }
}
