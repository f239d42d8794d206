namespace SystemTests;

/// <summary>
/// All statuses and all commands. A cell of the table is the status after the command; or what becomes of the default;
/// or "=" for an effect that is there already; or the status of a refusal. Legal,
/// and therefore offered, is what changes an account of this status, be it the user's default or not.
/// </summary>
public class StatusTableTests(SystemWithoutOnboarding system)
{
    private const string Table = """
        status             default?     create  confirm            activate        suspend            archive           make-default  clear-default
        ACCOUNT_PENDING    not-default  409     ACCOUNT_CONFIRMED  409             409                409               default       =
        ACCOUNT_PENDING    default      409     ACCOUNT_CONFIRMED  409             409                409               =             not-default
        ACCOUNT_CONFIRMED  not-default  409     =                  ACCOUNT_ACTIVE  409                409               default       =
        ACCOUNT_CONFIRMED  default      409     =                  ACCOUNT_ACTIVE  409                409               =             not-default
        ACCOUNT_ACTIVE     not-default  409     409                =               ACCOUNT_SUSPENDED  ACCOUNT_ARCHIVED  default       =
        ACCOUNT_ACTIVE     default      409     409                =               ACCOUNT_SUSPENDED  ACCOUNT_ARCHIVED  =             not-default
        ACCOUNT_SUSPENDED  not-default  409     409                ACCOUNT_ACTIVE  =                  ACCOUNT_ARCHIVED  409           =
        ACCOUNT_SUSPENDED  default      409     409                ACCOUNT_ACTIVE  =                  ACCOUNT_ARCHIVED  =             not-default
        ACCOUNT_ARCHIVED   not-default  409     409                ACCOUNT_ACTIVE  409                =                 409           =
        ACCOUNT_ARCHIVED   default      409     409                ACCOUNT_ACTIVE  409                =                 =             not-default
        """;

    private static readonly List<string[]> Lines = [.. Table.Split('\n').Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];
    private static readonly string[] Commands = Lines[0][2..];

    public static TheoryData<string, bool> Rows => [.. Lines.Skip(1).Select(line => (line[0], line[1] == "default"))];

    [Theory]
    [MemberData(nameof(Rows))]
    public async Task Every_command_does_in_every_status_what_the_table_says(string status, bool isDefault)
    {
        var accounts = await system.AccountsAsync();
        var row = Lines.Single(line => line[0] == status && line[1] == (isDefault ? "default" : "not-default"))[2..];
        var legal = Commands.Where(command => Lines.Any(line => line[0] == status && line[2 + Array.IndexOf(Commands, command)] is not ("=" or "409"))).ToList();

        foreach (var (command, expected) in Commands.Zip(row))
        {
            var number = await accounts.Brought(status, isDefault);
            var before = (await accounts.Ask(HttpMethod.Get, new Uri(accounts.Commands, $"/v1/accounts/{number}/commands"))).Is(200);
            Assert.Equal(legal, before.Offered);

            var answer = command == "create" ? await accounts.Create(number, isDefault) : await accounts.Command(number, command);

            var cell = $"{status}, {(isDefault ? "default" : "not default")}: {command}";
            switch (expected)
            {
                case "409" when command == "create":
                    answer.IsProblem(409, "number-taken");
                    break;
                case "409":
                    answer.IsProblem(409, "wrong-status");
                    Assert.Equal(status, answer.Json.GetProperty("currentStatus").GetString());
                    Assert.Equal(legal, answer.Json.GetProperty("allowedCommands").EnumerateArray().Select(allowed => allowed.GetString()));
                    break;
                default:
                    answer.Is(200);
                    Assert.Equal((cell, before.Version + (expected == "=" ? 0 : 1)), (cell, answer.Version));
                    Assert.Equal((cell, expected.StartsWith("ACCOUNT_", StringComparison.Ordinal) ? expected : status), (cell, answer.AccountStatus));
                    Assert.Equal(
                        (cell, expected switch { "default" => true, "not-default" => false, _ => isDefault }),
                        (cell, answer.Json.GetProperty("defaultAccount").GetBoolean()));
                    break;
            }

            Assert.Equal((cell, expected is "=" or "409" ? before.Version : before.Version + 1), (cell, answer.Version));
        }
    }

    [Fact]
    public async Task Of_an_account_that_is_not_there_everything_but_creating_it_is_refused()
    {
        var accounts = await system.AccountsAsync();
        var number = AccountSystem.NewNumber();

        foreach (var command in Commands.Skip(1))
        {
            (await accounts.Command(number, command)).IsProblem(404, "unknown-account");
        }

        var created = (await accounts.Create(number)).Is(201);
        Assert.Equal(("ACCOUNT_PENDING", 1), (created.AccountStatus, created.Version));
    }

    [Fact]
    public async Task Without_onboarding_an_account_stays_as_it_was_created()
    {
        var accounts = await system.AccountsAsync();
        var first = await accounts.Brought("ACCOUNT_PENDING", isDefault: false);
        await accounts.Shown(first, 1);

        // By the time that a later account, of whatever partition, went all the way by hand, a policy would have acted.
        var later = await accounts.Brought("ACCOUNT_SUSPENDED", isDefault: false);
        await accounts.Shown(later, 4);

        Assert.Equal("ACCOUNT_PENDING", (await accounts.Read($"/v1/accounts/{first}")).Is(200).AccountStatus);
    }
}
