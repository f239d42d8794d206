using Accounts.Contracts;

namespace Accounts.Processor.Functions;

/// <summary>Onboarding, first step: who is created is confirmed.</summary>
internal static class ConfirmOnCreation
{
    public static Function.Policy Function { get; } = new()
    {
        Name = "confirm-on-creation",
        Events = new HashSet<string> { "ACCOUNT_CREATED" },
        StartAt = Onboarding.Begin,
        React = logged => [new PolicyCommand(logged.Account, "confirm", new FactBody { Status = "ACCOUNT_PENDING" })],
    };
}
