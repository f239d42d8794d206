using System.Collections.Concurrent;
using System.Globalization;
using Accounts.Contracts;
using Accounts.Domain;
using Accounts.Processor.Consumers;
using Accounts.Processor.Functions;

namespace Accounts.Processor.Users;

/// <summary>
/// Clears the defaults of a user that a later one has beaten. Each partition first saves what became default in it, and then
/// reads what did in the others: of two accounts that become default at once in two partitions, whoever reads last sees
/// both. Each command rests on the time since when the account is the default, so that it clears none that became so again.
/// </summary>
internal sealed class OneDefaultWork(PolicySetting setting)
{
    private const int UsersInFlight = 16;

    public async Task<IReadOnlyList<EventFailure>> ApplyAsync(Batch batch, CancellationToken stopping, CancellationToken cancellation)
    {
        var (events, failures) = await EventUsers.OfAsync(
            setting, batch.For(OneDefaultAccount.Function).Where(MayBecomeDefault), stopping);
        if (events.Count == 0)
        {
            return failures;
        }

        var unsaved = await SaveAsync(events, stopping, cancellation);
        var failed = new ConcurrentBag<EventFailure>(failures.Concat(unsaved));
        var without = unsaved.ToDictionary(failure => failure.Event.Account, failure => failure.Event.Version);
        var saved = events.Where(e => !without.TryGetValue(e.Logged.Account, out var version) || e.Logged.Version < version);
        await UntilStopped.ForEachAsync(saved.GroupBy(e => e.User), UsersInFlight, async ofUser =>
        {
            try
            {
                await ClearAsync(ofUser.Key, CommandCause.Of(ofUser.Last().Logged.Recorded), stopping, cancellation);
            }
            catch (Exception cause) when (cause is not OperationCanceledException)
            {
                foreach (var first in ofUser.DistinctBy(e => e.Logged.Account))
                {
                    failed.Add(new EventFailure(first.Logged, cause));
                }
            }
        }, stopping);
        return EventFailure.FirstOfEachAccount(failed);
    }

    // What cannot be read is no "no": it fails when its user is looked for.
    private static bool MayBecomeDefault(LoggedEvent logged)
    {
        try
        {
            return logged.Event is AccountEvent.MadeDefault or AccountEvent.Created { DefaultAccount: true };
        }
        catch (UnreadableEventException)
        {
            return true;
        }
    }

    private async Task<IReadOnlyList<EventFailure>> SaveAsync(IReadOnlyList<UserEvent> events, CancellationToken stopping, CancellationToken cancellation)
    {
        // The rows are folded and saved like those of a view, with the same care for rivals and failures.
        var users = events.ToDictionary(e => e.Logged, e => e.User);
        var rows = new Function.View
        {
            Name = OneDefaultAccount.Function.Name,
            Reads = (at, logged) => users.TryGetValue(logged, out var user) ? [new RowRead(DefaultsRow.Key(at, user, setting.Partition))] : [],
            Fold = (at, logged, rows) =>
            {
                var key = DefaultsRow.Key(at, users[logged], setting.Partition);
                var before = rows.Get(key, UsersJson.Default.DefaultsRow);
                var after = DefaultsRow.After(before, new IndexDefault(logged.Event.CreatedAt, logged.Account));
                return after == before ? [] : [RowWrite.Changing(key, after, UsersJson.Default.DefaultsRow)];
            },
        };
        var records = events.Select(e => e.Logged)
            .GroupBy(logged => logged.Recorded.Position.Position)
            .Select(ofRecord => new LoggedRecord(setting.Partition, ofRecord.Key, [.. ofRecord]));
        var work = new ViewWork(rows, setting.At, setting.Writer, setting.Views);
        return await work.ApplyAsync(Batch.Of([.. records]), stopping, cancellation);
    }

    private async Task ClearAsync(long user, CommandCause cause, CancellationToken stopping, CancellationToken cancellation)
    {
        var keys = Enumerable.Range(0, setting.Partitions).Select(partition => DefaultsRow.Key(setting.At, user, partition)).ToList();
        var found = await setting.ReadAsync(keys, UsersJson.Default.DefaultsRow, stopping);
        var rows = keys.Select(found.Find).ToList();
        var own = rows[setting.Partition] ?? throw new InvalidOperationException($"Row {keys[setting.Partition]} was saved and is gone.");
        var latest = rows.OfType<DefaultsRow>().Select(row => row.Latest).ToList();
        var winner = latest.Aggregate((IndexDefault?)null, IndexDefault.Latest);

        // All that are beaten, not only the next: whoever has beaten the others may have been beaten himself before he looked, and a row
        // does not tell whom its partition has cleared. Who is cleared already gets the same command once more, without effect.
        List<IndexDefault> beaten = [.. own.Beaten, .. latest.Where(became => became != winner)];
        foreach (var loser in beaten)
        {
            var command = new PolicyCommand(loser.Number, "clear-default", new FactBody { DefaultSince = loser.Since });
            var key = string.Create(CultureInfo.InvariantCulture, $"{OneDefaultAccount.Function.Name}.{loser.Since}");
            await setting.Sender.SendAsync(command, key, cause, stopping, cancellation);
        }

        if (own.Beaten.Count > 0)
        {
            await ForgetAsync(keys[setting.Partition], own.Beaten, cancellation);
        }
    }

    /// <summary>Keeps the row small. When it fails, they are cleared once more, which has no effect.</summary>
    private async Task ForgetAsync(string key, IReadOnlyList<IndexDefault> cleared, CancellationToken cancellation)
    {
        try
        {
            if (await setting.Writer.Store.ReadAsync(key, cancellation) is { } stored)
            {
                var row = System.Text.Json.JsonSerializer.Deserialize(stored.Value.Span, UsersJson.Default.DefaultsRow)!;
                var less = row with { Beaten = [.. row.Beaten.Except(cleared)] };
                await setting.Writer.Store.ReplaceAsync(
                    key, System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(less, UsersJson.Default.DefaultsRow), stored.ETag, cancellation);
            }
        }
        catch (Exception) when (!cancellation.IsCancellationRequested)
        {
        }
    }
}
