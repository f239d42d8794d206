using System.Text.Json;
using Accounts.Contracts;
using Accounts.Domain;
using Accounts.Processor.Consumers;
using Accounts.Processor.Functions;
using Accounts.Processor.Tests.InProcess;
using EventLog;
using Microsoft.Extensions.Logging.Abstractions;

namespace Accounts.Processor.Tests;

public class ViewWorkTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static ViewWork Work(Function.View view, SimulatedStore store) => new(
        view, Given.At, new RowWriter(store, createsInTransactions: !store.LikeRedis),
        new Outage("the views", new HastyTime(), new Random(1), NullLogger.Instance));

    private static AccountRow Row(SimulatedStore store, string number) =>
        JsonSerializer.Deserialize(store.Values[RowKeys.Account(Given.At, number)], ContractsJson.Default.AccountRow)!;

    private static IReadOnlyList<LoggedRecord> Accounts(int count) =>
        [.. Enumerable.Range(0, count).SelectMany(i => Given.Onboarded($"A-{i}", (i * 3) + 1))];

    [Fact]
    public async Task A_batch_writes_each_row_once_in_transactions_of_some_tens()
    {
        var store = new SimulatedStore();

        Assert.Empty(await Work(AccountView.Function, store).ApplyAsync(Batch.Of(Accounts(120)), Stop, Stop));

        Assert.Equal(120, store.Values.Count);
        Assert.Equal(120, store.Writes.Sum(keys => keys.Length));
        Assert.Equal(2, store.Writes.Count);
        Assert.All(Enumerable.Range(0, 120), i => Assert.Equal(("ACCOUNT_ACTIVE", 3L), (Row(store, $"A-{i}").Account.Status, Row(store, $"A-{i}").Version)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_row_of_a_record_is_written_when_the_rows_of_its_events_are_there(bool likeRedis)
    {
        var store = new SimulatedStore { LikeRedis = likeRedis };

        Assert.Empty(await Work(HistoryView.Function, store).ApplyAsync(Batch.Of(Accounts(120)), Stop, Stop));

        var kinds = store.Writes.Select(keys => keys.Select(key => key.Split('.')[1]).Distinct().Single()).ToList();
        Assert.Equal([.. Enumerable.Repeat("history", 4), .. Enumerable.Repeat("feed", likeRedis ? 360 : 4)], kinds);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_batch_that_comes_again_changes_nothing(bool likeRedis)
    {
        var store = new SimulatedStore { LikeRedis = likeRedis };
        await Work(AccountView.Function, store).ApplyAsync(Batch.Of(Accounts(10)), Stop, Stop);
        var before = store.Values;

        Assert.Empty(await Work(AccountView.Function, store).ApplyAsync(Batch.Of([.. Accounts(10).Where((_, i) => i % 3 < 2)]), Stop, Stop));

        Assert.Equal(before, store.Values);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Rivals_on_the_same_events_never_overwrite_what_is_newer(bool likeRedis)
    {
        var store = new SimulatedStore { LikeRedis = likeRedis };
        var records = Accounts(60);
        var overtaken = false;
        store.BeforeWrite = async _ =>
        {
            // The first writer has read its rows and is about to write; a rival does everything in between.
            if (!overtaken)
            {
                overtaken = true;
                await Work(AccountView.Function, store).ApplyAsync(Batch.Of(records), Stop, Stop);
            }
        };

        Assert.Empty(await Work(AccountView.Function, store).ApplyAsync(Batch.Of([.. records.Where((_, i) => i % 3 < 2)]), Stop, Stop));

        Assert.All(Enumerable.Range(0, 60), i => Assert.Equal(3, Row(store, $"A-{i}").Version));
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 0)]
    [InlineData(false, 1)]
    [InlineData(true, 1)]
    public async Task What_the_feed_has_of_an_event_is_not_taken_from_it_by_one_who_holds_its_account_back(bool likeRedis, int before)
    {
        var store = new SimulatedStore { LikeRedis = likeRedis };
        var feed = RowKeys.Feed(Given.At, 3, 1);
        LoggedRecord[] records = [Given.Record(1, Given.Event(Given.Created("GOOD"), 1), Given.Event(Given.Created("HELD"), 1, index: 1))];
        Batch[] held = [.. Enumerable.Repeat(new Batch(records, logged => logged.Account != "HELD"), 2)];
        foreach (var batch in held.Take(before))
        {
            await Work(HistoryView.Function, store).ApplyAsync(batch, Stop, Stop);
        }

        var overtaken = false;
        store.BeforeWrite = async writes =>
        {
            // The first has found nothing of the account and is about to write the row of the record; a rival takes the event.
            if (!overtaken && writes.Any(write => write.Key == feed))
            {
                overtaken = true;
                await Work(HistoryView.Function, store).ApplyAsync(Batch.Of(records), Stop, Stop);
            }
        };

        Assert.Empty(await Work(HistoryView.Function, store).ApplyAsync(held[^1], Stop, Stop));

        var items = JsonSerializer.Deserialize(store.Values[feed], ContractsJson.Default.FeedRow)!.Items;
        Assert.Equal([("GOOD", 1L), ("HELD", 1L)], items.Select(item => (item.Account?.AccountNumber, item.Account?.Version ?? 0)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Lost_answers_and_refused_writes_end_in_the_same_rows(bool likeRedis)
    {
        var store = new SimulatedStore { LikeRedis = likeRedis };
        var calm = new SimulatedStore { LikeRedis = likeRedis };
        var chance = new Random(5);
        store.BeforeWrite = _ => chance.Next(4) == 0 ? throw new IOException("away") : Task.CompletedTask;
        store.AfterWrite = _ => Throw(chance.Next(4) == 0);
        store.BeforeRead = _ => Throw(chance.Next(6) == 0);
        var records = Accounts(70);

        foreach (var view in new[] { AccountView.Function, HistoryView.Function })
        {
            for (var from = 0; from < records.Count; from += 80)
            {
                var batch = records.Skip(from).Take(80).ToList();
                Assert.Empty(await Work(view, store).ApplyAsync(Batch.Of(batch), Stop, Stop));
                Assert.Empty(await Work(view, calm).ApplyAsync(Batch.Of(batch), Stop, Stop));
            }
        }

        Assert.Equal(calm.Values, store.Values);

        static void Throw(bool now)
        {
            if (now)
            {
                throw new IOException("no answer");
            }
        }
    }

    [Fact]
    public async Task An_event_that_cannot_be_taken_keeps_out_what_follows_of_its_account_and_nothing_else()
    {
        var store = new SimulatedStore();
        var gap = Given.Event(new AccountEvent.Suspended(3_000, "GAP"), 3, position: 2);
        LoggedRecord[] records =
        [
            Given.Record(1, Given.Event(Given.Created("BEFORE"), 1), Given.Event(Given.Created("GAP"), 1)),
            Given.Record(2, gap, Given.Event(new AccountEvent.Activated(4_000, "GAP"), 4, 2)),
            Given.Record(3, Given.Event(Given.Created("AFTER"), 1, 3)),
        ];

        var failure = Assert.Single(await Work(AccountView.Function, store).ApplyAsync(Batch.Of(records), Stop, Stop));

        Assert.Same(gap, failure.Event);
        Assert.IsType<MissingRowException>(failure.Cause);
        Assert.Equal(["AFTER", "BEFORE", "GAP"], store.Values.Keys.Select(key => key.Split('.')[^1]).Order());
        Assert.Equal(1, Row(store, "GAP").Version);
    }

    [Fact]
    public async Task A_row_that_the_fold_did_not_announce_is_read_when_it_asks()
    {
        var store = new SimulatedStore();
        var secretive = AccountView.Function with { Reads = (_, _) => [] };

        foreach (var record in Given.Onboarded("A-1"))
        {
            Assert.Empty(await Work(secretive, store).ApplyAsync(Batch.Of([record]), Stop, Stop));
        }

        Assert.Equal(3, Row(store, "A-1").Version);
    }

    [Fact]
    public async Task One_row_that_cannot_be_written_does_not_keep_the_others_from_being_written()
    {
        var store = new SimulatedStore();
        var bad = RowKeys.Account(Given.At, "A-3");
        var others = new TaskCompletionSource();
        store.BeforeWrite = writes =>
        {
            if (writes.Any(write => write.Key == bad))
            {
                throw new IOException("this row never");
            }

            return Task.CompletedTask;
        };
        store.AfterWrite = _ =>
        {
            if (store.Values.Count == 9)
            {
                others.TrySetResult();
            }
        };
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(Stop);

        var applying = Work(AccountView.Function, store).ApplyAsync(Batch.Of(Accounts(10)), giveUp.Token, giveUp.Token);
        await others.Task.WaitAsync(Stop);
        await giveUp.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => applying);
        Assert.DoesNotContain(bad, store.Values.Keys);
    }
}
