using System.Collections.Concurrent;
using Accounts.Processor.Consumers;
using Accounts.Processor.Functions;

namespace Accounts.Processor.Users;

/// <summary>
/// Archives accounts of deleted users when they become active. That a user is deleted is looked up after the event was
/// read: <see cref="UserDeletions"/> relies on that.
/// </summary>
internal sealed class UserDeletionWork(PolicySetting setting)
{
    private const int AccountsInFlight = 32;

    public async Task<IReadOnlyList<EventFailure>> ApplyAsync(Batch batch, CancellationToken stopping, CancellationToken cancellation)
    {
        var (events, failures) = await EventUsers.OfAsync(setting, batch.For(UserDeletion.Function), stopping);
        var keys = events.Select(e => DeletedUserRow.Key(setting.At, e.User)).ToHashSet();
        var deleted = await setting.ReadAsync(keys, UsersJson.Default.DeletedUserRow, stopping);
        var failed = new ConcurrentBag<EventFailure>(failures);
        await UntilStopped.ForEachAsync(events.GroupBy(e => e.Logged.Account), AccountsInFlight, async ofAccount =>
        {
            foreach (var (logged, user) in ofAccount)
            {
                try
                {
                    if (deleted.Find(DeletedUserRow.Key(setting.At, user)) is not null)
                    {
                        var key = $"{UserDeletion.Function.Name}.{logged.Recorded.EventId}";
                        await setting.Sender.SendAsync(UserDeletion.Archive(logged.Account), key, CommandCause.Of(logged.Recorded), stopping, cancellation);
                    }
                }
                catch (Exception cause) when (cause is not OperationCanceledException)
                {
                    failed.Add(new EventFailure(logged, cause));
                    return;
                }
            }
        }, stopping);
        return EventFailure.FirstOfEachAccount(failed);
    }
}
