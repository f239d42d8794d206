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

    // Rows of whole records are compared page by page.
    private const int PageWholeRecords = 16;

    private readonly HashSet<string> _failed = [];
    private readonly Dictionary<string, IReadOnlyList<string>> _written = [];
    private readonly List<string> _superseded = [];

    /// <summary>Everything up to this position is folded.</summary>
    public long Position { get; private set; }

    public Rows Rows { get; } = new() { Alone = true };

    public IEnumerable<RowWrite> All => Rows.Written;

    /// <summary>Folds on; tells after each page how many events it had.</summary>
    public async Task FoldAsync(long upTo, Action<int> progress, CancellationToken cancellation)
    {
        while (Position < upTo)
        {
            var records = await FoldPageAsync(upTo, whole: false, cancellation);
            progress(records.Sum(record => record.Events.Count));
        }

        foreach (var row in held.Values.Where(row => row.State == HeldStates.Parked && accounts(row.Account)))
        {
            Rows.Apply([.. view.Mark?.Invoke(at, row.Account, row.Version, Rows) ?? []]);
        }
    }

    /// <summary>
    /// Folds a page on, for the rows of whole records. Of each account only those rows are kept that its last event in the pages
    /// before has written: the next event builds on nothing else.
    /// </summary>
    public Task<IReadOnlyList<LoggedRecord>> FoldPageAsync(long upTo, CancellationToken cancellation)
    {
        Rows.Forget(_superseded);
        _superseded.Clear();
        return FoldPageAsync(upTo, whole: true, cancellation);
    }

    /// <summary>
    /// The rows of whole records that were folded last. As long as one lacks an event that is held back, it may be with or without
    /// it: what a replay does is seen in the rows before it is seen in what is held. So such a row is made of the stored one.
    /// </summary>
    public async Task<IReadOnlyList<RowWrite>> OfAsync(IReadOnlyList<LoggedRecord> records, IStateStore views, CancellationToken cancellation)
    {
        var rows = Fold();
        string[] open = [.. rows.Where(row => !row.Final).Select(row => row.Key)];
        if (open.Length > 0)
        {
            await Rows.ReadAsync([.. open.Select(key => new RowRead(key))], trustNew: false, views, cancellation);
            rows = Fold();
            Rows.Forget(open);
        }

        return rows;

        List<RowWrite> Fold() => [.. records.SelectMany(record => view.FoldRecord!(at, record, Rows))];
    }

    private async Task<IReadOnlyList<LoggedRecord>> FoldPageAsync(long upTo, bool whole, CancellationToken cancellation)
    {
        var count = (int)Math.Min(whole ? PageWholeRecords : PageRecords, upTo - Position);
        IReadOnlyList<LoggedRecord> records = [.. (await log.ReadAsync(partition, Position, count, cancellation)).Select(LoggedRecord.From)];
        foreach (var logged in records.SelectMany(record => record.Events))
        {
            if (accounts(logged.Account) && view.Handles(logged))
            {
                Fold(logged, whole);
            }
        }

        Position = records.Count > 0 ? records[^1].Position : throw new IOException($"Partition {partition} of the log ends at {Position}, before {upTo}.");
        return records;
    }

    private void Fold(LoggedEvent logged, bool whole)
    {
        if (_failed.Contains(logged.Account) || (held.TryGetValue(logged.Account, out var row) && logged.Version > row.Done))
        {
            return;
        }

        try
        {
            IReadOnlyList<RowWrite> writes = [.. view.Fold(at, logged, Rows)];
            Rows.Apply(writes);
            if (whole)
            {
                Supersede(logged.Account, [.. writes.Select(write => write.Key)]);
            }
        }
        catch (Exception)
        {
            // The function will hold the account back, if it does not yet: until it does, the rows go as far as this.
            _failed.Add(logged.Account);
        }
    }

    private void Supersede(string account, IReadOnlyList<string> written)
    {
        if (_written.TryGetValue(account, out var before))
        {
            _superseded.AddRange(before.Except(written));
        }

        _written[account] = written;
    }
}
