namespace Accounts.Processor.Functions;

/// <summary>
/// The policies that bring a new account to life, and what it means to switch them off: they pause. Their checkpoints stay
/// where they are, and when they are switched on again they take up every account that was created meanwhile and has not
/// gone on by itself: each command rests on the status that its event left behind.
/// </summary>
internal static class Onboarding
{
    /// <summary>
    /// Every account is to come alive, also one that was created before the policies first ran; on one that has gone on
    /// since, the commands have no effect.
    /// </summary>
    public const StartAt Begin = StartAt.Beginning;

    public static IReadOnlyList<Function> Policies { get; } = [ConfirmOnCreation.Function, ActivateOnConfirmation.Function];
}
