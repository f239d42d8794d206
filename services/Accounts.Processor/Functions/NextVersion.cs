using Accounts.Processor.Consumers;

namespace Accounts.Processor.Functions;

/// <summary>The gate of a row that follows one account: it takes exactly the next version.</summary>
internal static class NextVersion
{
    /// <summary>False when the row has the event already.</summary>
    /// <exception cref="MissingRowException">Events are missing between the row and this one.</exception>
    public static bool Takes(long rowVersion, LoggedEvent logged) => (logged.Version - rowVersion) switch
    {
        <= 0 => false,
        1 => true,
        _ => throw new MissingRowException(logged, $"the row is at version {rowVersion}"),
    };
}

/// <summary>
/// The view lacks what came before an event. The checkpoint says that it was done, so the store has lost rows; nobody
/// guesses what they held.
/// </summary>
internal sealed class MissingRowException(LoggedEvent logged, string what)
    : Exception($"Version {logged.Version} of account {logged.Account} came, but {what}: the view has lost rows that were saved.");
