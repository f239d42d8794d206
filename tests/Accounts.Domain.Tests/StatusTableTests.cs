using Accounts.Domain;

namespace Accounts.Domain.Tests;

/// <summary>All statuses × all commands, against the table of the design, written out.</summary>
public class StatusTableTests
{
    private const long At = 1_481_351_048_967;
    private const string Forbidden = "forbidden";
    private const string Nothing = "nothing";
    private static readonly bool[] Either = [false, true];

    // What each command does to an account that is not the default, by status.
    private static readonly Dictionary<string, string[]> Table = new()
    {
        //                   PENDING                    CONFIRMED                  ACTIVE                     SUSPENDED                  ARCHIVED
        ["confirm"] = ["ACCOUNT_CONFIRMED", Nothing, Forbidden, Forbidden, Forbidden],
        ["activate"] = [Forbidden, "ACCOUNT_ACTIVATED", Nothing, "ACCOUNT_ACTIVATED", "ACCOUNT_ACTIVATED"],
        ["suspend"] = [Forbidden, Forbidden, "ACCOUNT_SUSPENDED", Nothing, Forbidden],
        ["archive"] = [Forbidden, Forbidden, "ACCOUNT_ARCHIVED", "ACCOUNT_ARCHIVED", Nothing],
        ["make-default"] = ["ACCOUNT_MADE_DEFAULT", "ACCOUNT_MADE_DEFAULT", "ACCOUNT_MADE_DEFAULT", Forbidden, Forbidden],
        ["clear-default"] = [Nothing, Nothing, Nothing, Nothing, Nothing],
    };

    // The same for an account that is the default, where it differs.
    private static readonly Dictionary<string, string[]> TableOfDefaults = new(Table)
    {
        ["make-default"] = [Nothing, Nothing, Nothing, Nothing, Nothing],
        ["clear-default"] = ["ACCOUNT_DEFAULT_CLEARED", "ACCOUNT_DEFAULT_CLEARED", "ACCOUNT_DEFAULT_CLEARED", "ACCOUNT_DEFAULT_CLEARED", "ACCOUNT_DEFAULT_CLEARED"],
    };

    private static readonly Dictionary<string, AccountStatus?> StatusAfter = new()
    {
        ["ACCOUNT_CREATED"] = AccountStatus.Pending,
        ["ACCOUNT_CONFIRMED"] = AccountStatus.Confirmed,
        ["ACCOUNT_ACTIVATED"] = AccountStatus.Active,
        ["ACCOUNT_SUSPENDED"] = AccountStatus.Suspended,
        ["ACCOUNT_ARCHIVED"] = AccountStatus.Archived,
        ["ACCOUNT_MADE_DEFAULT"] = null,
        ["ACCOUNT_DEFAULT_CLEARED"] = null,
    };

    public static TheoryData<AccountStatus, bool, string> All => [.. from status in Enum.GetValues<AccountStatus>()
                                                                      from isDefault in Either
                                                                      from name in AccountCommand.Names
                                                                      select new TheoryDataRow<AccountStatus, bool, string>(status, isDefault, name)];

    [Theory]
    [MemberData(nameof(All))]
    public void Every_command_does_in_every_status_what_the_table_says(AccountStatus status, bool isDefault, string name)
    {
        var account = An(status, isDefault);
        var expected = (isDefault ? TableOfDefaults : Table)[name][(int)status];

        var decision = Decision.Decide(AccountCommand.Named(name)!, account, At + 5);

        Assert.Equal(expected == Forbidden ? Refusals.WrongStatus : null, decision.Refusal);
        Assert.Equal(expected is Forbidden or Nothing ? null : expected, decision.Events.Select(e => AccountStorage.Write(e).Name).SingleOrDefault());
        foreach (var happened in decision.Events)
        {
            var after = Account.Evolve(account, happened);
            Assert.Equal(
                account with
                {
                    Status = StatusAfter[expected] ?? status,
                    DefaultAccount = expected == "ACCOUNT_MADE_DEFAULT" || (isDefault && expected != "ACCOUNT_DEFAULT_CLEARED"),
                    DefaultSince = expected switch { "ACCOUNT_MADE_DEFAULT" => At + 5, "ACCOUNT_DEFAULT_CLEARED" => null, _ => account.DefaultSince },
                    LastModified = At + 5,
                },
                after);
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Every_offered_command_is_accepted_and_every_other_one_changes_nothing(AccountStatus status, bool isDefault, string name)
    {
        var account = An(status, isDefault);

        var decision = Decision.Decide(AccountCommand.Named(name)!, account, At);

        if (Decision.Legal(account).Contains(name))
        {
            Assert.Null(decision.Refusal);
        }
        else
        {
            Assert.Empty(decision.Events);
        }
    }

    [Theory]
    [InlineData(AccountStatus.Pending, "confirm,make-default,clear-default")]
    [InlineData(AccountStatus.Confirmed, "activate,make-default,clear-default")]
    [InlineData(AccountStatus.Active, "suspend,archive,make-default,clear-default")]
    [InlineData(AccountStatus.Suspended, "activate,archive,clear-default")]
    [InlineData(AccountStatus.Archived, "activate,clear-default")]
    public void The_legal_commands_of_a_status(AccountStatus status, string expected)
    {
        Assert.Equal(expected.Split(','), Decision.Legal(An(status, isDefault: false)));
        Assert.Equal(expected.Split(','), Decision.Legal(An(status, isDefault: true)));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_command_that_was_accepted_is_accepted_again_and_appends_nothing(AccountStatus status, bool isDefault, string name)
    {
        var account = An(status, isDefault);
        var command = AccountCommand.Named(name)!;
        var first = Decision.Decide(command, account, At);
        if (first.Refusal is null)
        {
            var after = first.Events.Aggregate(account, Account.Evolve);
            var again = Decision.Decide(command, after, At);
            Assert.Null(again.Refusal);
            Assert.Empty(again.Events);
        }
    }

    [Theory]
    [InlineData("confirm")]
    [InlineData("activate")]
    [InlineData("suspend")]
    [InlineData("archive")]
    [InlineData("make-default")]
    [InlineData("clear-default")]
    public void No_command_but_create_finds_an_account_where_none_is(string name) =>
        Assert.Equal(Refusals.NotFound, Decision.Decide(AccountCommand.Named(name, fact: new Fact(AccountStatus.Active))!, null, At).Refusal);

    [Fact]
    public void The_table_has_every_command_and_no_other_name_is_one()
    {
        Assert.Equal(Table.Keys, AccountCommand.Names);
        Assert.Null(AccountCommand.Named("create"));
        Assert.Null(AccountCommand.Named("Confirm"));
    }

    private static Account An(AccountStatus status, bool isDefault) => new(At - 10, At - 5, 1, "123456", isDefault, status);
}
