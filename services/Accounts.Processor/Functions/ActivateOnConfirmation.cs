using Accounts.Contracts;

namespace Accounts.Processor.Functions;

/// <summary>Onboarding, second step: who is confirmed is activated.</summary>
internal static class ActivateOnConfirmation
{
    public static Function.Policy Function { get; } = new()
    {
        Name = "activate-on-confirmation",
        Events = new HashSet<string> { "ACCOUNT_CONFIRMED" },
        StartAt = Onboarding.Begin,
        React = logged => [new PolicyCommand(logged.Account, "activate", new FactBody { Status = "ACCOUNT_CONFIRMED" })],
    };
}
