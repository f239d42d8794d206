using System.Collections.Concurrent;
using Accounts.Contracts;
using Accounts.Processor.Consumers;
using Accounts.Processor.Functions;
using EventLog;

namespace Accounts.Processor.Parking;

/// <summary>
/// The accounts that one function holds back in one partition. An event that the function cannot take holds back its
/// account, and only that: it is tried a few times more beside the others, then parked for an operator, and what comes after
/// it waits behind it. The account's row decides how things stand, for this replica and any other; what is remembered here
/// only spares reads.
/// </summary>
internal sealed class HeldAccounts(Function function, ViewPointer at, int partition, RowWriter writer, Outage outage, TimeProvider time, ILogger logger)
{
    private const int AccountsAtOnce = 8;

    private readonly HeldDirectory _directory = new(at, function.Name, partition, writer.Store);
    private readonly ConcurrentDictionary<string, HeldRow> _held = [];
    private readonly Dictionary<string, long> _marked = [];
    private volatile bool _stale = true;

    public HeldRows Rows { get; } = new(at, function.Name, writer.Store);

    public int Count => _held.Count;

    /// <summary>Others may have held or released accounts: look before the next batch.</summary>
    public void Recheck() => _stale = true;

    public bool Holds(string account) => _held.ContainsKey(account);

    /// <summary>The accounts with something to do for them now.</summary>
    public IReadOnlyList<string> Due()
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        return _held.IsEmpty ? [] : [.. _held.Values.Where(row => row.Wish is not null || row.RetryAt <= now).Select(row => row.Account)];
    }

    /// <summary>Looks which accounts are held, unless nothing can have changed.</summary>
    public async Task LoadAsync(CancellationToken cancellation)
    {
        if (!_stale)
        {
            return;
        }

        _stale = false;
        var rows = await outage.PersistAsync(
            async () => await _directory.ReadAsync(cancellation) is { Count: > 0 } accounts ? await Rows.ReadAsync(accounts, cancellation) : [],
            cancellation);
        _held.Clear();
        foreach (var row in rows.Where(row => row.State != HeldStates.Released))
        {
            _held[row.Account] = row;
        }

        // Whoever parked them may have been killed before he had marked them.
        var parked = _held.Values.Where(row => row.State == HeldStates.Parked);
        await MarkAsync([.. parked.Where(row => _marked.GetValueOrDefault(row.Account) != row.Version)], cancellation);
    }

    /// <summary>
    /// Holds back events that the function failed on, and all of their accounts that come after. Returns false when an
    /// account turned out to be released: the batch has to be taken again.
    /// </summary>
    /// <exception cref="TooManyHeldException">There is no room for so many accounts.</exception>
    public async Task<bool> TakeAsync(IReadOnlyList<LoggedRecord> records, IReadOnlyList<EventFailure> failures, CancellationToken cancellation)
    {
        var failed = failures.ToDictionary(failure => failure.Event.Account);
        if (failed.Keys.Count(account => !Holds(account)) + Count > HeldListRow.Pages * HeldDirectory.AccountsPerPage)
        {
            throw new TooManyHeldException(function.Name, partition);
        }

        var released = false;
        var accounts = records.SelectMany(record => record.Events).Where(function.Handles)
            .GroupBy(logged => logged.Account).Where(events => Holds(events.Key) || failed.ContainsKey(events.Key));
        var options = new ParallelOptions { MaxDegreeOfParallelism = AccountsAtOnce, CancellationToken = cancellation };
        await Parallel.ForEachAsync(accounts, options, async (events, _) =>
        {
            var failure = failed.GetValueOrDefault(events.Key);
            var row = await outage.PersistAsync(() => HoldAsync(events, failure, cancellation), cancellation);
            if (row is null)
            {
                _held.TryRemove(events.Key, out var _);
                released = true;
            }
            else
            {
                _held[events.Key] = row;
            }
        });
        if (failures.Count > 0)
        {
            await ListAsync([.. failed.Keys], [], cancellation);
        }

        return !released;
    }

    /// <summary>Writes how things stand with an account after an attempt; the row as it is now, or null when a rival has changed it.</summary>
    public async Task<HeldRow?> UpdateAsync(string account, Func<HeldRow, HeldRow?> change, CancellationToken cancellation)
    {
        var next = await outage.PersistAsync(
            async () =>
            {
                if (await Rows.ReadAsync(account, cancellation) is not ({ } row, { } etag) || change(row) is not { } changed)
                {
                    return null;
                }

                await Rows.WriteAsync(changed, etag, cancellation);
                return changed;
            },
            cancellation);
        if (next is null)
        {
            Recheck();
        }
        else if (next.State == HeldStates.Released)
        {
            _held.TryRemove(account, out _);
            await ListAsync([], [account], cancellation);
        }
        else
        {
            _held[account] = next;
            if (next.State == HeldStates.Parked)
            {
                logger.LogError(
                    "Version {Version} of account {Account} is parked by function {Function}, with {Waiting} waiting behind it: GET /v1/parked",
                    next.Version, next.Account, function.Name, next.Events - 1);
                await MarkAsync([next], cancellation);
            }
        }

        return next;
    }

    private async Task<HeldRow?> HoldAsync(IGrouping<string, LoggedEvent> events, EventFailure? failure, CancellationToken cancellation)
    {
        var (row, etag) = await Rows.ReadAsync(events.Key, cancellation);
        var held = row is not null && row.State != HeldStates.Released;
        if (!held && failure is null)
        {
            return null;
        }

        var next = held ? row! : Fresh(failure!);
        var waiting = events.Where(logged => logged.Version > next.Last).ToList();
        if (waiting.Count > 0)
        {
            await Rows.NoteAsync(events.Key, waiting, cancellation);
            next = next with { Last = waiting[^1].Version, Events = next.Events + waiting.Count };
            await Rows.WriteAsync(next, etag, cancellation);
        }

        if (!held)
        {
            logger.LogError(
                failure!.Cause, "Function {Function} cannot take version {Version} of account {Account} at {Position}: the account is held back and tried again",
                function.Name, next.Version, events.Key, failure.Event.Recorded.Position);
        }

        return next;
    }

    private HeldRow Fresh(EventFailure failure) => Retries.Failed(
        new HeldRow
        {
            Account = failure.Event.Account,
            Partition = partition,
            Version = 0,
            Position = 0,
            Event = "",
            EventId = "",
            Cause = "",
            Since = time.GetUtcNow().ToUnixTimeMilliseconds(),
            State = HeldStates.Retrying,
            Attempts = 0,
            Done = failure.Event.Version - 1,
            Last = failure.Event.Version - 1,
            Events = 0,
        },
        failure,
        time.GetUtcNow());

    private Task<bool> ListAsync(IReadOnlyCollection<string> add, IReadOnlyCollection<string> remove, CancellationToken cancellation) => outage.PersistAsync(
        async () =>
        {
            await _directory.ChangeAsync(add, remove, cancellation);
            return true;
        },
        cancellation);

    /// <summary>Marks what queries read of accounts.</summary>
    private async Task MarkAsync(IReadOnlyList<HeldRow> parked, CancellationToken cancellation)
    {
        if (parked.Count == 0 || function is not Function.View { Mark: { } mark })
        {
            return;
        }

        await outage.PersistAsync(
            async () =>
            {
                var rows = new Rows();
                _ = parked.Sum(row => mark(at, row.Account, row.Version, rows).Count());
                await rows.ReadWantedAsync(writer.Store, cancellation);
                rows.Apply([.. parked.SelectMany(row => mark(at, row.Account, row.Version, rows))]);
                return await writer.WriteAsync(rows.Changes(last: false), singly: true, [], cancellation) is { } lost ? throw lost : true;
            },
            cancellation);
        foreach (var row in parked)
        {
            _marked[row.Account] = row.Version;
        }
    }
}
