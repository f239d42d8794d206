using System.Text.Json;
using Accounts.Contracts;
using Accounts.Domain;
using Accounts.Processor.Consumers;
using Accounts.Processor.Functions;
using Accounts.Processor.Tests.InProcess;
using EventLog;

namespace Accounts.Processor.Tests;

public class ViewFoldTests
{
    private readonly SimulatedStore _store = new();

    private static AccountRow? Row(Rows rows, string number = "A-1") =>
        rows.Get(RowKeys.Account(Given.At, number), ContractsJson.Default.AccountRow);

    private static AccountEventBody? Item(Rows rows, long version, string number = "A-1") =>
        rows.Get(RowKeys.History(Given.At, number, version), ContractsJson.Default.AccountEventBody);

    [Fact]
    public async Task The_row_of_an_account_is_its_state_with_the_commands_that_are_legal()
    {
        var rows = await Given.Folded(AccountView.Function, _store, Given.Event(Given.Created(), 1, position: 9));

        var row = Row(rows)!;
        Assert.Equal(1, row.Version);
        Assert.Equal("3:9", row.Position);
        Assert.Equal(["confirm", "make-default", "clear-default"], row.Commands);
        Assert.Equal(
            """{"createdAt":1000,"lastModified":1000,"userId":7,"accountNumber":"A-1","defaultAccount":true,"status":"ACCOUNT_PENDING","version":1}""",
            JsonSerializer.Serialize(row.Account, ContractsJson.Default.AccountBody));
    }

    [Fact]
    public async Task A_row_takes_exactly_the_next_version()
    {
        LoggedEvent[] events = [.. Given.Onboarded("A-1").SelectMany(record => record.Events)];

        var rows = await Given.Folded(AccountView.Function, _store, [events[0], events[0], events[1], events[0], events[1], events[2], events[1]]);

        Assert.Equal("ACCOUNT_ACTIVE", Row(rows)!.Account.Status);
        Assert.Equal(3, Row(rows)!.Version);
        Assert.Equal(3_000, Row(rows)!.Account.LastModified);
        await Assert.ThrowsAsync<MissingRowException>(() => Given.Folded(AccountView.Function, _store, events[0], events[2]));
        await Assert.ThrowsAsync<MissingRowException>(() => Given.Folded(AccountView.Function, _store, events[1]));
    }

    [Fact]
    public async Task The_history_has_each_event_with_the_account_after_it()
    {
        var rows = await Given.Folded(HistoryView.Function, _store, [.. Given.Onboarded("A-1").SelectMany(record => record.Events)]);

        Assert.Equal(
            ["ACCOUNT_PENDING", "ACCOUNT_CONFIRMED", "ACCOUNT_ACTIVE"],
            new long[] { 1, 2, 3 }.Select(version => Item(rows, version)!.Account!.Status));
        var created = Item(rows, 1)!;
        Assert.Equal(("ACCOUNT_CREATED", 7L, true), (created.Type, created.UserId, created.DefaultAccount));
        var confirmed = Item(rows, 2)!;
        Assert.Equal(("ACCOUNT_CONFIRMED", "0123abcd-3-2-0", "checked", null), (confirmed.Type, confirmed.EventId, confirmed.Reason, confirmed.UserId));
        Assert.Equal(("together", "because", 2_000L, 2_000L), (confirmed.CorrelationId, confirmed.CausationId, confirmed.CreatedAt, confirmed.LastModified));
    }

    [Fact]
    public async Task The_history_asks_for_the_item_before_and_never_guesses_it()
    {
        var late = Given.Event(new AccountEvent.Confirmed(2_000, "A-1"), 2);

        Assert.Equal(RowKeys.History(Given.At, "A-1", 1), Assert.Single(HistoryView.Function.Reads(Given.At, late)).Key);
        await Assert.ThrowsAsync<MissingRowException>(() => Given.Folded(HistoryView.Function, _store, late));
    }

    [Fact]
    public async Task The_feed_has_a_row_for_every_record_and_is_held_up_by_nothing()
    {
        var told = JsonSerializer.SerializeToElement(new { createdAt = 4_000, userId = 9 });
        var unknown = Given.Stored(new StoredEvent("ACCOUNT_ENNOBLED", 1, told), "B-1", 1, position: 2, index: 1);
        var created = Given.Event(Given.Created(), 1, position: 2);
        LoggedRecord[] records = [Given.Record(1), Given.Record(2, created, unknown)];
        var rows = await Given.Folded(HistoryView.Function, _store, created);
        await rows.ReadAsync([new RowRead(RowKeys.History(Given.At, "B-1", 1))], trustNew: false, _store, CancellationToken.None);

        foreach (var record in records)
        {
            rows.Apply(HistoryView.Function.FoldRecord!(Given.At, record, rows));
        }

        Assert.Empty(Feed(rows, 1));
        var items = Feed(rows, 2);
        Assert.Equal([("ACCOUNT_CREATED", "A-1", 1_000L), ("ACCOUNT_ENNOBLED", "B-1", 4_000L)], items.Select(item => (item.Type, item.AccountNumber, item.CreatedAt)));
        Assert.Equal(Item(rows, 1), items[0]);
        Assert.Equal((null, "0123abcd-3-2-1", 9), (items[1].Account, items[1].EventId, items[1].UserId));

        static IReadOnlyList<AccountEventBody> Feed(Rows rows, long position) =>
            rows.Get(RowKeys.Feed(Given.At, 3, position), ContractsJson.Default.FeedRow)!.Items;
    }

    [Fact]
    public async Task An_event_that_could_not_be_taken_and_does_not_say_whose_it_is_is_in_the_feed_as_its_users()
    {
        var old = Given.Event(new AccountEvent.Confirmed(2_000, "A-1"), 3, position: 3);
        var rows = await Given.Folded(HistoryView.Function, _store, Given.Event(Given.Created(), 1));

        rows.Apply(HistoryView.Function.FoldRecord!(Given.At, Given.Record(3, old), rows));

        var item = Assert.Single(rows.Get(RowKeys.Feed(Given.At, 3, 3), ContractsJson.Default.FeedRow)!.Items);
        Assert.Equal((null, 7), (item.Account, item.UserId));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("""{"items":[]}""")]
    public async Task A_row_that_somebody_has_broken_does_not_keep_the_feed_from_going_on(string broken)
    {
        var created = Given.Event(Given.Created(), 1);
        string[] keys = [RowKeys.History(Given.At, "A-1", 1), RowKeys.Feed(Given.At, 3, 1)];
        keys.ToList().ForEach(key => _store.Put(key, broken));
        var rows = new Rows();
        await rows.ReadAsync([.. keys.Select(key => new RowRead(key))], trustNew: false, _store, CancellationToken.None);

        rows.Apply(HistoryView.Function.FoldRecord!(Given.At, Given.Record(1, created), rows));

        Assert.Equal(("A-1", 1), rows.Get(keys[1], ContractsJson.Default.FeedRow)!.Items.Select(item => (item.AccountNumber, item.Version)).Single());
    }

    [Fact]
    public async Task An_event_that_this_version_cannot_read_stops_a_view_and_is_no_business_of_a_policy()
    {
        var unknown = Given.Stored(new StoredEvent("ACCOUNT_ENNOBLED", 1, JsonSerializer.SerializeToElement(new { })), "A-1", 1);

        Assert.False(ConfirmOnCreation.Function.Handles(unknown));
        Assert.True(AccountView.Function.Handles(unknown));
        await Assert.ThrowsAsync<UnreadableEventException>(() => Given.Folded(AccountView.Function, _store, unknown));
        await Assert.ThrowsAsync<UnreadableEventException>(() => Given.Folded(HistoryView.Function, _store, unknown));
    }

    [Fact]
    public void Onboarding_answers_creation_with_confirm_and_confirmation_with_activate_each_on_its_fact()
    {
        var created = Given.Event(Given.Created(), 1);
        var confirmed = Given.Event(new AccountEvent.Confirmed(2_000, "A-1"), 2);

        Assert.True(ConfirmOnCreation.Function.Handles(created));
        Assert.False(ConfirmOnCreation.Function.Handles(confirmed));
        Assert.True(ActivateOnConfirmation.Function.Handles(confirmed));
        Assert.False(ActivateOnConfirmation.Function.Handles(created));
        Assert.Equal([new PolicyCommand("A-1", "confirm", new FactBody { Status = "ACCOUNT_PENDING" })], ConfirmOnCreation.Function.React(created));
        Assert.Equal([new PolicyCommand("A-1", "activate", new FactBody { Status = "ACCOUNT_CONFIRMED" })], ActivateOnConfirmation.Function.React(confirmed));
    }
}
