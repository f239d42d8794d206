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
/// user is archived. An account that the index did not show then becomes active later, and is the policy's.
/// </summary>
internal sealed class UserDeletions(LogReader log, IStateStore views, HttpClient commands, TimeProvider time, Random chance, ILogger logger)
{
    private const int AccountsInFlight = 32;
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    private readonly Outage _outage = new("The log or the views, which the deletion of a user needs,", time, logger);
    private readonly CommandSender _sender = new(commands, new Outage("The command service", time, logger), time, chance, logger);

    /// <summary>
    /// Returns when every account that the user has is archived or on its way. Doing it again does no harm, and does little
    /// when it was done.
    /// </summary>
    /// <param name="user">The user.</param>
    /// <param name="cause">The message that said so.</param>
    /// <exception cref="CommandRefusedException">The command service calls a command wrong, which waiting will not mend.</exception>
    public async Task DeleteAsync(long user, CommandCause cause, CancellationToken cancellation)
    {
        var refused = await _outage.PersistAsync(() => TryAsync(user, cause, cancellation), chance, cancellation);
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

        var index = await IndexUpToAsync(ends, cancellation);
        var archived = 0;
        for (var partition = 0; partition < ends.Length; partition++)
        {
            await foreach (var row in RowsAsync(index, new IndexTree(partition, user), cancellation))
            {
                var options = new ParallelOptions { MaxDegreeOfParallelism = AccountsInFlight, CancellationToken = cancellation };
                var accounts = row.Entries.Select(entry => entry.Account).Where(account => account.Status is "ACCOUNT_ACTIVE" or "ACCOUNT_SUSPENDED").ToList();
                await Parallel.ForEachAsync(accounts, options, async (account, _) =>
                {
                    var key = $"{UserDeletion.Function.Name}.{at.LogId}.{account.Version}";
                    await _sender.SendAsync(new PolicyCommand(account.AccountNumber, "archive"), key, cause, cancellation, cancellation);
                });
                archived += accounts.Count;
            }
        }

        await DoneAsync(at, user, cancellation);
        logger.LogInformation("User {User} is deleted: {Accounts} accounts archived", user, archived);
    }

    private async Task<DeletedUserRow> NoteAsync(ViewPointer at, long user, string because, CancellationToken cancellation)
    {
        var (key, row) = (DeletedUserRow.Key(at, user), new DeletedUserRow(because, Done: false));
        try
        {
            await views.CreateAsync(key, JsonSerializer.SerializeToUtf8Bytes(row, UsersJson.Default.DeletedUserRow), cancellation);
            return row;
        }
        catch (Exception) when (!cancellation.IsCancellationRequested)
        {
            // Told before, or an answer that was lost: the key tells.
            if (await views.ReadAsync(key, cancellation) is not { } stored)
            {
                throw;
            }

            return JsonSerializer.Deserialize(stored.Value.Span, UsersJson.Default.DeletedUserRow)!;
        }
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

    /// <summary>Waits until the index holds everything up to these positions.</summary>
    private async Task<ViewPointer> IndexUpToAsync(long[] ends, CancellationToken cancellation)
    {
        while (true)
        {
            if (await views.ReadAsync(RowKeys.PointerTo(Views.Index), cancellation) is { } pointer)
            {
                var at = JsonSerializer.Deserialize(pointer.Value.Span, ContractsJson.Default.ViewPointer)!;
                var keys = Enumerable.Range(0, ends.Length).Select(partition => RowKeys.Checkpoint(at, Views.Index, partition)).ToList();
                var found = await views.ReadManyAsync(keys, cancellation);
                var there = keys.Where((key, partition) => found.TryGetValue(key, out var stored)
                    && JsonSerializer.Deserialize(stored.Value.Span, ContractsJson.Default.CheckpointRow)!.Position >= ends[partition]);
                if (there.Count() == ends.Length)
                {
                    return at;
                }
            }

            await Task.Delay(Look * (0.75 + (0.5 * chance.NextDouble())), time, cancellation);
        }
    }

    private async IAsyncEnumerable<IndexRow> RowsAsync(
        ViewPointer at, IndexTree tree, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        var labels = new Stack<string>([IndexTree.Top]);
        while (labels.TryPop(out var label))
        {
            if (await views.ReadAsync(tree.Key(at, label), cancellation) is { } stored)
            {
                var row = JsonSerializer.Deserialize(stored.Value.Span, ContractsJson.Default.IndexRow)!;
                foreach (var below in row.Below)
                {
                    labels.Push(below.Label);
                }

                yield return row;
            }
        }
    }
}
