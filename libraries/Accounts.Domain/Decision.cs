namespace Accounts.Domain;

/// <summary>What is decided: events to append (none when the effect is already there), or a refusal.</summary>
/// <param name="Events">The events to append, in order.</param>
/// <param name="Refusal">One of <see cref="Refusals"/>, or null.</param>
public sealed record Decision(IReadOnlyList<AccountEvent> Events, string? Refusal)
{
    private static readonly Decision Nothing = new([], null);

    // Decided once for each status, so that links cost nothing.
    private static readonly IReadOnlyList<string>[] LegalByStatus = [.. Enum.GetValues<AccountStatus>().Select(LegalIn)];

    /// <summary>
    /// Decides a command on an account (null: there is none). Pure: the same values always give the same decision.
    /// </summary>
    /// <param name="command">The command.</param>
    /// <param name="state">The account, or null.</param>
    /// <param name="at">The time that the events get, in epoch milliseconds; an earlier one than the account's last counts as that.</param>
    public static Decision Decide(AccountCommand command, Account? state, long at)
    {
        var time = Math.Max(at, state?.LastModified ?? at);
        return (command, state) switch
        {
            (AccountCommand.Create c, null) => Accept(new AccountEvent.Created(time, c.AccountNumber, c.UserId, c.DefaultAccount)),
            (AccountCommand.Create, _) => Refuse(Refusals.NumberTaken),
            (_, null) => Refuse(Refusals.NotFound),

            ({ If: { } fact }, { } account) when !fact.Holds(account) => Nothing,

            (AccountCommand.Confirm, { Status: AccountStatus.Confirmed }) => Nothing,
            (AccountCommand.Confirm c, { Status: AccountStatus.Pending } a) => Accept(new AccountEvent.Confirmed(time, a.AccountNumber, c.Reason, a.UserId)),

            (AccountCommand.Activate, { Status: AccountStatus.Active }) => Nothing,
            (AccountCommand.Activate c, { Status: AccountStatus.Confirmed or AccountStatus.Suspended or AccountStatus.Archived } a) =>
                Accept(new AccountEvent.Activated(time, a.AccountNumber, c.Reason, a.UserId)),

            (AccountCommand.Suspend, { Status: AccountStatus.Suspended }) => Nothing,
            (AccountCommand.Suspend c, { Status: AccountStatus.Active } a) => Accept(new AccountEvent.Suspended(time, a.AccountNumber, c.Reason, a.UserId)),

            (AccountCommand.Archive, { Status: AccountStatus.Archived }) => Nothing,
            (AccountCommand.Archive c, { Status: AccountStatus.Active or AccountStatus.Suspended } a) =>
                Accept(new AccountEvent.Archived(time, a.AccountNumber, c.Reason, a.UserId)),

            (AccountCommand.MakeDefault, { DefaultAccount: true }) => Nothing,
            (AccountCommand.MakeDefault c, { Status: AccountStatus.Pending or AccountStatus.Confirmed or AccountStatus.Active } a) =>
                Accept(new AccountEvent.MadeDefault(time, a.AccountNumber, c.Reason, a.UserId)),

            (AccountCommand.ClearDefault, { DefaultAccount: false }) => Nothing,
            (AccountCommand.ClearDefault c, { } a) => Accept(new AccountEvent.DefaultCleared(time, a.AccountNumber, c.Reason, a.UserId)),

            _ => Refuse(Refusals.WrongStatus),
        };
    }

    /// <summary>
    /// The names of the commands that the account's status allows, in the order of <see cref="AccountCommand.Names"/>. Each
    /// is accepted; whether it would change anything may depend on more than the status.
    /// </summary>
    public static IReadOnlyList<string> Legal(Account state) => LegalByStatus[(int)state.Status];

    private static string[] LegalIn(AccountStatus status) =>
        [.. AccountCommand.Names.Where(name => Changes(name, status, isDefault: false) || Changes(name, status, isDefault: true))];

    private static bool Changes(string name, AccountStatus status, bool isDefault) =>
        Decide(AccountCommand.Named(name)!, new Account(0, 0, 0, "", isDefault, status), 0).Events.Count > 0;

    private static Decision Accept(AccountEvent happened) => new([happened], null);

    private static Decision Refuse(string code) => new([], code);
}

/// <summary>Why a command is refused. The codes are recorded with the outcomes of commands, and so never change.</summary>
public static class Refusals
{
    /// <summary>There is no account with this number.</summary>
    public const string NotFound = "account/not-found";

    /// <summary>There is an account with this number, perhaps an equal one.</summary>
    public const string NumberTaken = "account/number-taken";

    /// <summary>The account's status forbids the command.</summary>
    public const string WrongStatus = "account/wrong-status";
}
