using Accounts.Processor.Users;

namespace Accounts.Processor.Functions;

/// <summary>
/// An account of a deleted user is archived as soon as it is active: also one that was opened, or brought back, afterwards, and
/// one that was not yet active when the user was deleted, because only an active or suspended account can be archived. Those that are when the
/// message comes are dealt with by <see cref="UserDeletions"/>.
/// </summary>
internal static class UserDeletion
{
    public static Function.Policy Function { get; } = new()
    {
        Name = "user-deletion",
        Events = new HashSet<string> { "ACCOUNT_ACTIVATED" },

        // No user was deleted before the policy was there to hear of it.
        StartAt = StartAt.Tail,
        Knowing = setting => new UserDeletionWork(setting).ApplyAsync,
    };

    /// <summary>
    /// What archives an account. It rests on no fact: the user is gone for ever, so an account that was suspended before the command came,
    /// or brought back before it came again, is to be archived all the same.
    /// </summary>
    public static PolicyCommand Archive(string account) => new(account, "archive");
}
