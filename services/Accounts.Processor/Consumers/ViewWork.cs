using Accounts.Contracts;
using Accounts.Processor.Functions;

namespace Accounts.Processor.Consumers;

/// <summary>Takes a batch of events into a view's rows.</summary>
internal sealed class ViewWork(Function.View view, ViewPointer scope, RowWriter writer, Outage views)
{
    private const int AttemptsTogether = 3;

    /// <summary>
    /// Returns when every row is confirmed. Of an account with an event that the view could not take, everything before it
    /// is in the rows and nothing after it.
    /// </summary>
    /// <param name="batch">Records in order.</param>
    /// <param name="stopping">The service stops: finish what is in flight, wait for nothing.</param>
    /// <param name="cancellation">Give up.</param>
    public async Task<IReadOnlyList<EventFailure>> ApplyAsync(Batch batch, CancellationToken stopping, CancellationToken cancellation)
    {
        var final = new HashSet<string>();
        var patience = views.Patience();
        var attempt = 0;
        while (true)
        {
            try
            {
                // What a failed write has done is unknown, and somebody else may be at work: every further attempt starts
                // with what is there, and the gate in the fold drops what is done.
                var (rows, failures) = await FoldAsync(batch, trustNew: attempt == 0, cancellation);
                var confirmed = new List<string>();
                var lost = await WriteAsync(last: false) ?? await WriteAsync(last: true);
                if (lost is null)
                {
                    views.Answered();
                    return failures;
                }

                final.UnionWith(confirmed.Where(rows.IsFinal));
                if (attempt++ == 0)
                {
                    // A rival, or a batch that was done before a crash, and no reason to wait.
                    continue;
                }

                views.Failed(lost);

                Task<Exception?> WriteAsync(bool last) => writer.WriteAsync(
                    rows.Changes(last).Where(row => !final.Contains(row.Key)), singly: attempt >= AttemptsTogether, confirmed, cancellation);
            }
            catch (Exception cause) when (!cancellation.IsCancellationRequested)
            {
                views.Failed(cause);
            }

            await patience.WaitAsync(stopping);
        }
    }

    private async Task<(Rows Rows, IReadOnlyList<EventFailure> Failures)> FoldAsync(Batch batch, bool trustNew, CancellationToken cancellation)
    {
        var rows = new Rows();
        var reads = batch.For(view).SelectMany(logged => view.Reads(scope, logged)).Concat(batch.Records.SelectMany(record => view.ReadsRecord(scope, record)));
        await rows.ReadAsync([.. reads], trustNew, writer.Store, cancellation);
        while (true)
        {
            var failures = Fold(batch, rows);
            if (rows.Wanted.Count == 0)
            {
                return (rows, failures);
            }

            await rows.ReadWantedAsync(writer.Store, cancellation);
        }
    }

    private IReadOnlyList<EventFailure> Fold(Batch batch, Rows rows)
    {
        var failures = new Dictionary<string, EventFailure>();
        foreach (var record in batch.Records)
        {
            foreach (var logged in record.Events.Where(logged => batch.IsFor(view, logged) && !failures.ContainsKey(logged.Account)))
            {
                try
                {
                    rows.Apply([.. view.Fold(scope, logged, rows)]);
                }
                catch (Exception cause)
                {
                    failures[logged.Account] = new EventFailure(logged, cause);
                }
            }

            if (view.FoldRecord is { } fold)
            {
                rows.Apply([.. fold(scope, record, rows)]);
            }
        }

        return [.. failures.Values];
    }
}
