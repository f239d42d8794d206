using Accounts.Contracts;
using Accounts.Processor.Consumers;
using EventLog;

namespace Accounts.Processor.Parking;

/// <summary>Gives a function the events again that it holds back: first the one that it could not take, then those behind it.</summary>
internal sealed class Replay(HeldAccounts held, LogReader log, int partition, Work work, Outage outage, TimeProvider time)
{
    // One portion at a time, so that an account with thousands of held events holds up no other.
    private const int VersionsAtOnce = 100;
    private const int AccountsAtOnce = 20;

    /// <summary>Does a portion of what is due; false when nothing was.</summary>
    public async Task<bool> TakeDueAsync(CancellationToken stopping, CancellationToken cancellation)
    {
        var due = held.Due();
        foreach (var account in due.Take(AccountsAtOnce))
        {
            await TakeAsync(account, stopping, cancellation);
        }

        return due.Count > 0;
    }

    private async Task TakeAsync(string account, CancellationToken stopping, CancellationToken cancellation)
    {
        var row = await outage.PersistAsync(() => held.Rows.ReadAsync([account], stopping), stopping) is [var found] ? found : null;
        if (row is null or { State: HeldStates.Released })
        {
            held.Recheck();
            return;
        }

        var discarded = row.Wish == HeldWishes.Discard ? row.Version : 0;
        var upTo = Math.Min(row.Last, row.Done + VersionsAtOnce);
        var (records, positions) = await outage.PersistAsync(() => ReadAsync(row, upTo, stopping), stopping);
        var failures = await work(
            new Batch(records, logged => logged.Account == account && logged.Version != discarded && positions.ContainsKey(logged.Version)),
            stopping,
            cancellation);
        var reached = failures is [var failure] ? failure.Event.Version - 1 : upTo;
        var taken = positions.Keys.Count(version => version <= reached);
        var now = time.GetUtcNow();
        await held.UpdateAsync(
            account,
            current => current.Done != row.Done || current.State == HeldStates.Released ? null
                : failures is [var first]
                    ? Retries.Failed(current with { Done = reached, Events = current.Events - taken, Wish = Unheard(current) }, first, now)
                : Retries.Taken(current, reached, taken),
            cancellation);

        // What an operator has asked for during the attempt was acknowledged, and is yet to be done.
        string? Unheard(HeldRow current) => current.Wish == row.Wish ? null : current.Wish;
    }

    private async Task<(IReadOnlyList<LoggedRecord> Records, IReadOnlyDictionary<long, long> Positions)> ReadAsync(
        HeldRow row, long upTo, CancellationToken cancellation)
    {
        var positions = await held.Rows.PositionsAsync(row.Account, row.Done, upTo, cancellation);
        var places = positions.Values.Distinct().Order().Select(position => (partition, position - 1)).ToList();
        var records = await log.ReadAsync(places, 1, cancellation);
        return records.All(found => found.Count == 1)
            ? ([.. records.Select(found => LoggedRecord.From(found[0]))], positions)
            : throw new IOException($"Records with held events of account {row.Account} are not in the log.");
    }
}
