using Accounts.Processor.Users;

namespace Accounts.Processor.Functions;

/// <summary>Of a user's accounts that were made default, only the latest stays so: the others are cleared.</summary>
internal static class OneDefaultAccount
{
    public static Function.Policy Function { get; } = new()
    {
        Name = "one-default-account",
        Events = new HashSet<string> { "ACCOUNT_CREATED", "ACCOUNT_MADE_DEFAULT" },

        // Of two defaults one may be older than the policy.
        StartAt = StartAt.Beginning,
        Knowing = setting => new OneDefaultWork(setting).ApplyAsync,
    };
}
