using Accounts.Contracts;
using Accounts.Processor.Consumers;
using Accounts.Processor.Functions;
using EventLog;

namespace Accounts.Processor.Verification;

/// <summary>The rows that a view must have of some accounts of a partition: a fold of the log, without looking at the view.</summary>
/// <param name="held">What the function holds back, by account: that is not expected.</param>
internal sealed class ExpectedRows(
    Function.View view, ViewPointer at, int partition, LogReader log, IReadOnlyDictionary<string, HeldRow> held, Func<string, bool> accounts)
{
    private const int PageRecords = 96;

    private readonly Rows _rows = new() { Alone = true };
    private readonly HashSet<string> _failed = [];

    /// <summary>Everything up to this position is folded.</summary>
    public long Position { get; private set; }

    public IEnumerable<RowWrite> All => _rows.Written;

    /// <summary>Folds on; tells after each page how many events it had.</summary>
    public async Task FoldAsync(long upTo, Func<int, Task> progress, CancellationToken cancellation)
    {
        while (Position < upTo)
        {
            var records = await log.ReadAsync(partition, Position, (int)Math.Min(PageRecords, upTo - Position), cancellation);
            foreach (var logged in records.SelectMany(record => record.Events).Select(recorded => new LoggedEvent(recorded)))
            {
                if (accounts(logged.Account) && view.Handles(logged))
                {
                    Fold(logged);
                }
            }

            Position = records.Count > 0 ? records[^1].Position.Position : throw new IOException($"Partition {partition} of the log ends at {Position}, before {upTo}.");
            await progress(records.Sum(record => record.Events.Count));
        }

        foreach (var row in held.Values.Where(row => row.State == HeldStates.Parked && accounts(row.Account)))
        {
            _rows.Apply([.. view.Mark?.Invoke(at, row.Account, row.Version, _rows) ?? []]);
        }
    }

    private void Fold(LoggedEvent logged)
    {
        if (_failed.Contains(logged.Account) || (held.TryGetValue(logged.Account, out var row) && logged.Version > row.Done))
        {
            return;
        }

        try
        {
            _rows.Apply([.. view.Fold(at, logged, _rows)]);
        }
        catch (Exception)
        {
            // The function will hold the account back, if it does not yet: until it does, the rows go as far as this.
            _failed.Add(logged.Account);
        }
    }
}
