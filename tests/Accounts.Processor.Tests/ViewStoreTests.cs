using System.Collections.Concurrent;
using System.Text.Json;
using Accounts.Contracts;
using Accounts.Domain;
using Accounts.Processor.Consumers;
using Accounts.Processor.Tests.InProcess;
using Accounts.Processor.Tests.RealProcesses;
using EventLog;
using TestSupport;

namespace Accounts.Processor.Tests;

/// <summary>Views, checkpoints and what is held back, on a real sidecar with each way in which Dapr's stores differ.</summary>
public sealed class ViewStoreTests(HarshStores stores) : IClassFixture<HarshStores>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public static IEnumerable<TheoryDataRow<string>> Stores() => StoresHost.Names.Select(name => new TheoryDataRow<string>(name));

    [Theory]
    [MemberData(nameof(Stores))]
    public async Task Rivals_of_which_one_is_killed_leave_the_views_equal_to_the_log_also_where_events_failed_and_answers_were_lost(string name)
    {
        // What fails does so three times, whichever replica or view tries, and is held back meanwhile.
        var tried = new ConcurrentDictionary<(string, long), int>();
        var poison = new Poison(
            logged => logged.Account.EndsWith('3') && logged.Version % 2 == 0
                && tried.AddOrUpdate((logged.Account, logged.Version), 1, (_, times) => times + 1) <= 3,
            Views.Account, Views.History, Views.Index);
        var store = new ForgetfulStore(stores.Store(name), every: 25);
        await using var world = new AccountWorld(elsewhere: store) { As = poison.In };
        var killed = Start();
        var replica = Start();
        await Work(world, 1);
        killed.Kill();
        Start();
        await Work(world, 2);
        store.Calm = true;

        var at = await world.At();
        var records = await world.ReadAll();
        await Eventually.Holds(async () => Assert.Empty(await ParkingSteps.Parked(replica)), TimeSpan.FromSeconds(30));
        await Eventually.Holds(() => EqualTheLog(at, records, store), TimeSpan.FromSeconds(30));
        foreach (var view in (string[])[Views.Account, Views.History, Views.Index])
        {
            await Eventually.Holds(async () => Assert.Equal(Tails(records), await Checkpoints(at, view, store)));
            var found = await VerificationSteps.Verify(replica, view, heal: false);
            Assert.Equal((view, 0, 0), (view, found.Broken, found.Unsettled));
        }

        Replica Start() => world.Start(one => one.Call = (_, _, _) => throw new IOException("no actors"), "Functions=account,history,index");
    }

    private static Task Work(AccountWorld world, int part) =>
        Parallel.ForEachAsync(Enumerable.Range(0, 40), new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, _) =>
        {
            await world.Create($"{part}-{i}", user: i % 5);
            await ParkingSteps.Suspend(world, $"{part}-{i}", 4);
        });

    private static async Task EqualTheLog(ViewPointer at, IReadOnlyList<LogRecord> records, ForgetfulStore store)
    {
        var expected = LogFold.Rows(at, records).Concat(LogFold.IndexRows(at, records)).ToDictionary();
        var found = await store.ReadManyAsync([.. expected.Keys], Stop);
        Assert.Equal(expected.Keys.Order(), found.Keys.Order());

        // Some stores keep JSON in a form of their own.
        Assert.All(expected, row => Assert.True(
            JsonElement.DeepEquals(Parse(System.Text.Encoding.UTF8.GetBytes(row.Value)), Parse(found[row.Key].Value)), row.Key));
    }

    private static JsonElement Parse(ReadOnlyMemory<byte> json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.Clone();
    }

    private static IEnumerable<long> Tails(IReadOnlyList<LogRecord> records) => Enumerable.Range(0, AccountWorld.Partitions)
        .Select(partition => records.Where(record => record.Position.Partition == partition).Max(record => record.Position.Position));

    private static async Task<IEnumerable<long>> Checkpoints(ViewPointer at, string view, ForgetfulStore store)
    {
        var keys = Enumerable.Range(0, AccountWorld.Partitions).Select(partition => RowKeys.Checkpoint(at, view, partition)).ToList();
        var found = await store.ReadManyAsync(keys, Stop);
        return [.. keys.Select(key => Checkpoint.Parse(found[key]).Position)];
    }
}
