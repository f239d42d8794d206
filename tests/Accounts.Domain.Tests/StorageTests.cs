using System.Text.Json;
using Accounts.Domain;

namespace Accounts.Domain.Tests;

/// <summary>
/// The storage format, field by field. What is written here has been stored somewhere: a test that fails after a change
/// means that old events could no longer be read. Add, never edit.
/// </summary>
public class StorageTests
{
    private const long At = 1_481_351_048_967;

    public static TheoryData<AccountEvent, string, string> Written => new()
    {
        { new AccountEvent.Created(At, "123456", 1, true), "ACCOUNT_CREATED", """{"createdAt":1481351048967,"lastModified":1481351048967,"accountNumber":"123456","userId":1,"defaultAccount":true}""" },
        { new AccountEvent.Created(0, "-", 9007199254740991, false), "ACCOUNT_CREATED", """{"createdAt":0,"lastModified":0,"accountNumber":"-","userId":9007199254740991,"defaultAccount":false}""" },
        { new AccountEvent.Confirmed(At, "123456"), "ACCOUNT_CONFIRMED", """{"createdAt":1481351048967,"lastModified":1481351048967,"accountNumber":"123456"}""" },
        { new AccountEvent.Confirmed(At, "123456", "seen"), "ACCOUNT_CONFIRMED", """{"createdAt":1481351048967,"lastModified":1481351048967,"accountNumber":"123456","reason":"seen"}""" },
        { new AccountEvent.Activated(At, "123456"), "ACCOUNT_ACTIVATED", """{"createdAt":1481351048967,"lastModified":1481351048967,"accountNumber":"123456"}""" },
        { new AccountEvent.Activated(At, "123456", "paid"), "ACCOUNT_ACTIVATED", """{"createdAt":1481351048967,"lastModified":1481351048967,"accountNumber":"123456","reason":"paid"}""" },
        { new AccountEvent.Suspended(At, "123456"), "ACCOUNT_SUSPENDED", """{"createdAt":1481351048967,"lastModified":1481351048967,"accountNumber":"123456"}""" },
        { new AccountEvent.Suspended(At, "123456", "fraud?"), "ACCOUNT_SUSPENDED", """{"createdAt":1481351048967,"lastModified":1481351048967,"accountNumber":"123456","reason":"fraud?"}""" },
        { new AccountEvent.Archived(At, "123456"), "ACCOUNT_ARCHIVED", """{"createdAt":1481351048967,"lastModified":1481351048967,"accountNumber":"123456"}""" },
        { new AccountEvent.Archived(At, "123456", "left"), "ACCOUNT_ARCHIVED", """{"createdAt":1481351048967,"lastModified":1481351048967,"accountNumber":"123456","reason":"left"}""" },
        { new AccountEvent.MadeDefault(At, "123456"), "ACCOUNT_MADE_DEFAULT", """{"createdAt":1481351048967,"lastModified":1481351048967,"accountNumber":"123456"}""" },
        { new AccountEvent.MadeDefault(At, "123456", "asked"), "ACCOUNT_MADE_DEFAULT", """{"createdAt":1481351048967,"lastModified":1481351048967,"accountNumber":"123456","reason":"asked"}""" },
        { new AccountEvent.DefaultCleared(At, "123456"), "ACCOUNT_DEFAULT_CLEARED", """{"createdAt":1481351048967,"lastModified":1481351048967,"accountNumber":"123456"}""" },
        { new AccountEvent.DefaultCleared(At, "123456", "other"), "ACCOUNT_DEFAULT_CLEARED", """{"createdAt":1481351048967,"lastModified":1481351048967,"accountNumber":"123456","reason":"other"}""" },

        // Since every event carries the user.
        { new AccountEvent.Confirmed(At, "123456", null, 7), "ACCOUNT_CONFIRMED", """{"createdAt":1481351048967,"lastModified":1481351048967,"accountNumber":"123456","userId":7}""" },
        { new AccountEvent.Confirmed(At, "123456", "why", 7), "ACCOUNT_CONFIRMED", """{"createdAt":1481351048967,"lastModified":1481351048967,"accountNumber":"123456","reason":"why","userId":7}""" },
        { new AccountEvent.Activated(At, "123456", null, 7), "ACCOUNT_ACTIVATED", """{"createdAt":1481351048967,"lastModified":1481351048967,"accountNumber":"123456","userId":7}""" },
        { new AccountEvent.Activated(At, "123456", "why", 7), "ACCOUNT_ACTIVATED", """{"createdAt":1481351048967,"lastModified":1481351048967,"accountNumber":"123456","reason":"why","userId":7}""" },
        { new AccountEvent.Suspended(At, "123456", null, 7), "ACCOUNT_SUSPENDED", """{"createdAt":1481351048967,"lastModified":1481351048967,"accountNumber":"123456","userId":7}""" },
        { new AccountEvent.Suspended(At, "123456", "why", 7), "ACCOUNT_SUSPENDED", """{"createdAt":1481351048967,"lastModified":1481351048967,"accountNumber":"123456","reason":"why","userId":7}""" },
        { new AccountEvent.Archived(At, "123456", null, 7), "ACCOUNT_ARCHIVED", """{"createdAt":1481351048967,"lastModified":1481351048967,"accountNumber":"123456","userId":7}""" },
        { new AccountEvent.Archived(At, "123456", "why", 7), "ACCOUNT_ARCHIVED", """{"createdAt":1481351048967,"lastModified":1481351048967,"accountNumber":"123456","reason":"why","userId":7}""" },
        { new AccountEvent.MadeDefault(At, "123456", null, 7), "ACCOUNT_MADE_DEFAULT", """{"createdAt":1481351048967,"lastModified":1481351048967,"accountNumber":"123456","userId":7}""" },
        { new AccountEvent.MadeDefault(At, "123456", "why", 7), "ACCOUNT_MADE_DEFAULT", """{"createdAt":1481351048967,"lastModified":1481351048967,"accountNumber":"123456","reason":"why","userId":7}""" },
        { new AccountEvent.DefaultCleared(At, "123456", null, 7), "ACCOUNT_DEFAULT_CLEARED", """{"createdAt":1481351048967,"lastModified":1481351048967,"accountNumber":"123456","userId":7}""" },
        { new AccountEvent.DefaultCleared(At, "123456", "why", 7), "ACCOUNT_DEFAULT_CLEARED", """{"createdAt":1481351048967,"lastModified":1481351048967,"accountNumber":"123456","reason":"why","userId":7}""" },
    };

    [Theory]
    [MemberData(nameof(Written))]
    public void Events_are_written_and_read_in_their_pinned_form(AccountEvent happened, string name, string fixture)
    {
        var pinned = JsonElement.Parse(fixture);

        var (storedName, schema, data) = AccountStorage.Write(happened);

        Assert.Equal((name, 1), (storedName, schema));
        Assert.True(JsonElement.DeepEquals(pinned, data), data.GetRawText());
        Assert.Equal(happened, AccountStorage.Read(name, 1, pinned));
    }

    [Fact]
    public void Every_kind_of_event_has_fixtures()
    {
        var kinds = typeof(AccountEvent).GetNestedTypes().Where(t => t.IsSubclassOf(typeof(AccountEvent)));

        Assert.Equal(
            kinds.Select(k => k.Name).Order(),
            Written.Select(row => row.Data.Item1.GetType().Name).Distinct().Order());
    }

    [Theory]
    [InlineData("ACCOUNT_CONFIRMED", 1, """{"createdAt":5,"lastModified":5,"accountNumber":"1","laterMember":[1]}""")]
    public void Members_that_this_version_does_not_know_are_skipped(string name, int schema, string data) =>
        Assert.Equal(new AccountEvent.Confirmed(5, "1"), AccountStorage.Read(name, schema, JsonElement.Parse(data)));

    [Theory]
    [InlineData("ACCOUNT_CONFIRMED", 2, """{"createdAt":5,"lastModified":5,"accountNumber":"1"}""")]
    [InlineData("ACCOUNT_CONFIRMED", 0, """{"createdAt":5,"lastModified":5,"accountNumber":"1"}""")]
    [InlineData("ACCOUNT_FROZEN", 1, """{"createdAt":5,"lastModified":5,"accountNumber":"1"}""")]
    [InlineData("Confirmed", 1, """{"createdAt":5,"lastModified":5,"accountNumber":"1"}""")]
    [InlineData("ACCOUNT_CONFIRMED", 1, """{"createdAt":5}""")]
    [InlineData("ACCOUNT_CONFIRMED", 1, """{"createdAt":"5","accountNumber":"1"}""")]
    [InlineData("ACCOUNT_CREATED", 1, """{"createdAt":5,"lastModified":5,"accountNumber":"1","userId":1}""")]
    [InlineData("ACCOUNT_CREATED", 1, "[]")]
    public void What_this_version_cannot_read_is_null(string name, int schema, string data) =>
        Assert.Null(AccountStorage.Read(name, schema, JsonElement.Parse(data)));

    [Fact]
    public void States_are_kept_in_their_pinned_form()
    {
        var pinned = """{"createdAt":1481351048967,"lastModified":1481351049385,"userId":1,"accountNumber":"123456","defaultAccount":true,"status":"ACCOUNT_ACTIVE"}""";
        var account = new Account(1481351048967, 1481351049385, 1, "123456", true, AccountStatus.Active);

        Assert.Equal(pinned, JsonSerializer.Serialize(account, AccountStorage.StateJson));
        Assert.Equal(account, JsonSerializer.Deserialize(pinned, AccountStorage.StateJson));
    }

    [Fact]
    public void States_know_since_when_an_account_is_the_default_one()
    {
        var pinned = """{"createdAt":1481351048967,"lastModified":1481351049385,"userId":1,"accountNumber":"123456","defaultAccount":true,"status":"ACCOUNT_ACTIVE","defaultSince":1481351049001}""";
        var account = new Account(1481351048967, 1481351049385, 1, "123456", true, AccountStatus.Active, 1481351049001);

        Assert.Equal(pinned, JsonSerializer.Serialize(account, AccountStorage.StateJson));
        Assert.Equal(account, JsonSerializer.Deserialize(pinned, AccountStorage.StateJson));
    }

    [Theory]
    [InlineData("""{"command":"create","accountNumber":"A-1","userId":7,"defaultAccount":false}""")]
    [InlineData("""{"command":"confirm"}""")]
    [InlineData("""{"command":"activate","reason":"paid"}""")]
    [InlineData("""{"command":"suspend","if":{"status":"ACCOUNT_ACTIVE"}}""")]
    [InlineData("""{"command":"archive","reason":"left","if":{"status":"ACCOUNT_ACTIVE","defaultAccount":false}}""")]
    [InlineData("""{"command":"make-default","if":{"defaultAccount":false}}""")]
    [InlineData("""{"command":"clear-default"}""")]
    [InlineData("""{"command":"clear-default","if":{"defaultSince":1481351049001}}""")]
    public void Commands_travel_in_their_pinned_form(string pinned)
    {
        var command = JsonSerializer.Deserialize(pinned, AccountStorage.CommandJson)!;

        Assert.Equal(pinned, JsonSerializer.Serialize(command, AccountStorage.CommandJson));
    }

    [Fact]
    public void Names_of_statuses_are_the_same_in_storage_and_in_words()
    {
        foreach (var status in Enum.GetValues<AccountStatus>())
        {
            var name = AccountStatusNames.Of(status);
            Assert.Equal(status, AccountStatusNames.Parse(name));
            Assert.Contains($"\"{name}\"", JsonSerializer.Serialize(new Account(0, 0, 0, "1", false, status), AccountStorage.StateJson), StringComparison.Ordinal);
        }

        Assert.Null(AccountStatusNames.Parse("Active"));
    }
}
