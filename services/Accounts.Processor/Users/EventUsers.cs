using Accounts.Contracts;
using Accounts.Processor.Consumers;
using EventLog;

namespace Accounts.Processor.Users;

/// <summary>An event, and the user whose account it is of.</summary>
internal sealed record UserEvent(LoggedEvent Logged, long User);

/// <summary>
/// Whose accounts events are of. Events from before they carried the user are rare: of those, the row of the account view
/// tells, in any version, because a user never changes.
/// </summary>
internal static class EventUsers
{
    public static async Task<(IReadOnlyList<UserEvent> Events, IReadOnlyList<EventFailure> Failures)> OfAsync(
        PolicySetting setting, IEnumerable<LoggedEvent> events, CancellationToken stopping)
    {
        var (known, old, failures) = (new List<UserEvent>(), new List<LoggedEvent>(), new Dictionary<string, EventFailure>());
        foreach (var logged in events)
        {
            try
            {
                if (logged.Event.User is { } user)
                {
                    known.Add(new UserEvent(logged, user));
                }
                else
                {
                    old.Add(logged);
                }
            }
            catch (UnreadableEventException unreadable)
            {
                Fail(logged, unreadable);
            }
        }

        if (old.Count > 0)
        {
            var pointer = RowKeys.PointerTo(Views.Account);
            var at = (await setting.ReadAsync([pointer], ContractsJson.Default.ViewPointer, stopping)).Find(pointer) ?? setting.At;
            var rows = await setting.ReadAsync(
                old.Select(logged => RowKeys.Account(at, logged.Account)).ToHashSet(), ContractsJson.Default.AccountRow, stopping);
            foreach (var logged in old)
            {
                try
                {
                    var row = rows.Find(RowKeys.Account(at, logged.Account)) ?? throw new UnknownUserException(logged.Recorded);
                    known.Add(new UserEvent(logged, row.Account.UserId));
                }
                catch (Exception cause) when (cause is UnknownUserException or UnreadableRowException)
                {
                    Fail(logged, cause);
                }
            }
        }

        // Of an account with an event that failed, what comes before that one is done.
        var before = known.Where(e => !failures.TryGetValue(e.Logged.Account, out var failure) || e.Logged.Version < failure.Event.Version);
        return ([.. before.OrderBy(e => e.Logged.Recorded.Position.Position)], [.. failures.Values]);

        void Fail(LoggedEvent logged, Exception cause)
        {
            if (!failures.TryGetValue(logged.Account, out var earlier) || logged.Version < earlier.Event.Version)
            {
                failures[logged.Account] = new EventFailure(logged, cause);
            }
        }
    }
}

/// <summary>It is tried again, and then parked: the account view is behind, or holds the account back itself.</summary>
internal sealed class UnknownUserException(RecordedEvent recorded)
    : Exception($"The event does not say whose account {recorded.Stream} is, and the account view does not show it yet.");
