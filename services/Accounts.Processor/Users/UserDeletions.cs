using System.Collections.Concurrent;
using System.Text.Json;
using Accounts.Contracts;
using Accounts.Processor.Consumers;
using Accounts.Processor.Functions;
using Accounts.Processor.Generations;
using EventLog;

namespace Accounts.Processor.Users;

/// <summary>
/// What happens when another microservice says that a user is deleted. First that is written down, so that the policy sees
/// it from then on; then the end of the log is looked up, and when the index has come as far, every account that it shows of the
/// user is archived, and every account of the user that the index holds back. An account that becomes active later is the policy's.
/// </summary>
internal sealed class UserDeletions(LogReader log, IStateStore views, HttpClient commands, TimeProvider time, Random chance, ILogger logger)
{
    private const int AccountsInFlight = 32;

    private readonly UserIndex _index = new(log, views, time, chance);
    private readonly Outage _outage = new("The log or the views, which the deletion of a user needs,", time, chance, logger);
    private readonly CommandSender _sender = new(commands, new Outage("The command service", time, chance, logger), logger);

    /// <summary>
    /// Returns when every account that the user has is archived or on its way. Doing it again does no harm, and does little
    /// when it was done.
    /// </summary>
    /// <param name="user">The user.</param>
    /// <param name="cause">The message that said so.</param>
    /// <exception cref="CommandRefusedException">The command service calls a command wrong, which waiting will not mend.</exception>
    public async Task DeleteAsync(long user, CommandCause cause, CancellationToken cancellation)
    {
        var refused = await _outage.PersistAsync(() => TryAsync(user, cause, cancellation), cancellation);
        if (refused is not null)
        {
            throw refused;
        }
    }

    private async Task<CommandRefusedException?> TryAsync(long user, CommandCause cause, CancellationToken cancellation)
    {
        try
        {
            await ArchiveAsync(user, cause, cancellation);
            return null;
        }
        catch (CommandRefusedException refused)
        {
            return refused;
        }
    }

    private async Task ArchiveAsync(long user, CommandCause cause, CancellationToken cancellation)
    {
        var description = await log.DescribeAsync(cancellation);
        var at = new ViewPointer(description.Id, "1");
        if ((await NoteAsync(at, user, cause.Id, cancellation)).Done)
        {
            return;
        }

        var ends = new long[description.Partitions];
        for (var partition = 0; partition < ends.Length; partition++)
        {
            ends[partition] = await LogEnds.FindAsync(log, partition, 0, cancellation);
        }

        // What is held back first: what is released meanwhile is in the rows that are read afterwards.
        var index = await _index.UpToAsync(ends, cancellation);
        var refusals = new ConcurrentQueue<CommandRefusedException>();
        var held = await _index.HeldAsync(index, ends.Length, user, cancellation);
        await SendAsync(held.Select(row => (row.Account, FormattableString.Invariant($"held.{row.Version}"))));
        var archived = held.Count;
        for (var partition = 0; partition < ends.Length; partition++)
        {
            await foreach (var row in _index.RowsAsync(index, new IndexTree(partition, user), cancellation))
            {
                var accounts = row.Entries.Select(entry => entry.Account).Where(account => account.Status is "ACCOUNT_ACTIVE" or "ACCOUNT_SUSPENDED").ToList();
                await SendAsync(accounts.Select(account => (account.AccountNumber, FormattableString.Invariant($"{account.Version}"))));
                archived += accounts.Count;
            }
        }

        if (refusals.TryPeek(out var refused))
        {
            throw refused;
        }

        await DoneAsync(at, user, cancellation);
        logger.LogInformation("User {User} is deleted: {Accounts} accounts archived", user, archived);

        // One account that cannot be archived now keeps none of the others from it.
        async Task SendAsync(IEnumerable<(string Account, string Key)> accounts)
        {
            var options = new ParallelOptions { MaxDegreeOfParallelism = AccountsInFlight, CancellationToken = cancellation };
            await Parallel.ForEachAsync(accounts, options, async (account, _) =>
            {
                try
                {
                    var key = $"{UserDeletion.Function.Name}.{at.LogId}.{account.Key}";
                    await _sender.SendAsync(UserDeletion.Archive(account.Account), key, cause, cancellation, cancellation);
                }
                catch (CommandRefusedException refused)
                {
                    refusals.Enqueue(refused);
                }
            });
        }
    }

    private async Task<DeletedUserRow> NoteAsync(ViewPointer at, long user, string because, CancellationToken cancellation)
    {
        var (key, row) = (DeletedUserRow.Key(at, user), new DeletedUserRow(because, Done: false));
        var toldBefore = await views.CreateUnlessThereAsync(key, JsonSerializer.SerializeToUtf8Bytes(row, UsersJson.Default.DeletedUserRow), cancellation);
        return toldBefore is { } stored ? JsonSerializer.Deserialize(stored.Value.Span, UsersJson.Default.DeletedUserRow)! : row;
    }

    private async Task DoneAsync(ViewPointer at, long user, CancellationToken cancellation)
    {
        var key = DeletedUserRow.Key(at, user);
        var stored = await views.ReadAsync(key, cancellation) ?? throw new InvalidOperationException($"Row {key} is gone from component '{views.Name}'.");
        var row = JsonSerializer.Deserialize(stored.Value.Span, UsersJson.Default.DeletedUserRow)!;
        if (!row.Done)
        {
            var done = JsonSerializer.SerializeToUtf8Bytes(row with { Done = true }, UsersJson.Default.DeletedUserRow);
            await views.ReplaceAsync(key, done, stored.ETag, cancellation);
        }
    }
}
