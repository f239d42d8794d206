using Accounts.Contracts;
using Accounts.Processor.Consumers;
using Accounts.Processor.Functions;
using Accounts.Processor.Generations;
using Accounts.Processor.Operations;
using Accounts.Processor.Parking;
using EventLog;

namespace Accounts.Processor.Verification;

/// <summary>
/// Compares every row that the log says a view must have with what is stored, while the view goes on. Memory is bounded: a
/// partition at a time, and of that a portion of the accounts, unless accounts share rows.
/// </summary>
/// <param name="progress">Gets what was done since it was called last; may take its time, and throw to end the work.</param>
internal sealed class ViewVerification(
    Function.View view, Operator at, VerificationRow asked, RowWriter writer, int eventsPerPortion, Func<VerificationProgress, Task> progress)
{
    private const int Rounds = 8;
    private const int PageRecords = 16;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private readonly ViewPointer _at = new(at.Log.Id, asked.Generation);

    public async Task RunAsync(CancellationToken cancellation)
    {
        for (var partition = 0; partition < at.Log.Partitions; partition++)
        {
            var checkpoint = await CheckpointAsync(partition, cancellation);
            var portions = view.SharesRows ? 1 : (int)(((checkpoint.Events ?? checkpoint.Position) / eventsPerPortion) + 1);
            for (var portion = 0; portion < portions; portion++)
            {
                await VerifyAsync(partition, portions, portion, cancellation);
            }

            if (view.FoldRecord is { } fold)
            {
                await VerifyRecordsAsync(partition, checkpoint.Position, fold, cancellation);
            }
        }
    }

    private async Task VerifyAsync(int partition, int portions, int portion, CancellationToken cancellation)
    {
        var held = await HeldAsync(partition, cancellation);
        var expected = new ExpectedRows(
            view, _at, partition, at.Reader, held, account => portions == 1 || (uint)account.GetHashCode(StringComparison.Ordinal) % portions == portion);
        await expected.FoldAsync(
            (await CheckpointAsync(partition, cancellation)).Position,
            events => progress(new VerificationProgress { Events = (double)events / portions }),
            cancellation);
        var mismatches = await RowComparison.FindAsync(expected.All, writer.Store, cancellation);
        await progress(new VerificationProgress { Rows = expected.All.Count() });
        for (var round = 0; mismatches.Count > 0 && round < Rounds; round++)
        {
            // What was stored is of events up to this end. Once the function is past it and the rows are still the same, they
            // have all of those events and no later one.
            var end = await LogEnds.FindAsync(at.Reader, partition, expected.Position, cancellation);
            if (!await ReachesAsync(partition, end, cancellation))
            {
                break;
            }

            await expected.FoldAsync((await CheckpointAsync(partition, cancellation)).Position, _ => Task.CompletedTask, cancellation);
            var before = mismatches.ToDictionary(mismatch => mismatch.Expected.Key);
            var again = await RowComparison.FindAsync(expected.All.Where(row => before.ContainsKey(row.Key)), writer.Store, cancellation);
            if (!Same(held, await HeldAsync(partition, cancellation)))
            {
                await VerifyAsync(partition, portions, portion, cancellation);
                return;
            }

            var broken = again.Where(mismatch => mismatch.IsStill(before[mismatch.Expected.Key])).ToList();
            await ReportAsync(broken, cancellation);
            mismatches = [.. again.Except(broken)];
        }

        await progress(new VerificationProgress { Unsettled = mismatches.Count });
    }

    /// <summary>Rows of whole records are made of the rows of their events, which are right by now.</summary>
    private async Task VerifyRecordsAsync(
        int partition, long upTo, Func<ViewPointer, LoggedRecord, Rows, IEnumerable<RowWrite>> fold, CancellationToken cancellation)
    {
        for (long after = 0; after < upTo;)
        {
            var records = await at.Reader.ReadAsync(partition, after, (int)Math.Min(PageRecords, upTo - after), cancellation);
            var logged = records.Select(LoggedRecord.From).ToList();
            var rows = new Rows();
            List<RowWrite> expected;
            do
            {
                await rows.ReadWantedAsync(writer.Store, cancellation);
                expected = [.. logged.SelectMany(record => fold(_at, record, rows).ToList())];
            }
            while (rows.Wanted.Count > 0);

            await ReportAsync(await RowComparison.FindAsync(expected, writer.Store, cancellation), cancellation);
            await progress(new VerificationProgress { Rows = expected.Count });
            after += records.Count > 0 ? records.Count : throw new IOException($"Partition {partition} of the log ends at {after}, before {upTo}.");
        }
    }

    private async Task ReportAsync(IReadOnlyList<Mismatch> broken, CancellationToken cancellation)
    {
        var healed = new List<string>();
        if (asked.Heal && broken.Count > 0)
        {
            await writer.WriteAsync(broken.Select(mismatch => mismatch.Healing), singly: true, healed, cancellation);
        }

        await progress(new VerificationProgress { Broken = [.. broken.Select(mismatch => mismatch.Expected.Key)], Healed = healed.Count });
    }

    private async Task<bool> ReachesAsync(int partition, long end, CancellationToken cancellation)
    {
        for (var begun = at.Time.GetTimestamp(); (await CheckpointAsync(partition, cancellation)).Position < end;)
        {
            if (at.Time.GetElapsedTime(begun) > Patience)
            {
                return false;
            }

            await Task.Delay(Pause, at.Time, cancellation);
        }

        return true;
    }

    private async Task<CheckpointRow> CheckpointAsync(int partition, CancellationToken cancellation) => Checkpoint.Parse(
        await at.Views.ReadAsync(RowKeys.Checkpoint(_at, view.Name, partition), cancellation) ?? throw new IOException($"View {view.Name} has no checkpoint."));

    private async Task<IReadOnlyDictionary<string, HeldRow>> HeldAsync(int partition, CancellationToken cancellation)
    {
        var accounts = await new HeldDirectory(_at, view.Name, partition, at.Views).ReadAsync(cancellation);
        return accounts.Count == 0 ? new Dictionary<string, HeldRow>() : (await new HeldRows(_at, view.Name, at.Views).ReadAsync(accounts, cancellation))
            .Where(row => row.State != HeldStates.Released).ToDictionary(row => row.Account);
    }

    private static bool Same(IReadOnlyDictionary<string, HeldRow> one, IReadOnlyDictionary<string, HeldRow> other) => one.Count == other.Count
        && one.All(row => other.TryGetValue(row.Key, out var there) && (there.Done, there.State, there.Version) == (row.Value.Done, row.Value.State, row.Value.Version));
}

/// <summary>What a verification has done since it told of it last.</summary>
internal sealed record VerificationProgress
{
    public double Events { get; init; }

    public int Rows { get; init; }

    public IReadOnlyList<string> Broken { get; init; } = [];

    public int Healed { get; init; }

    public int Unsettled { get; init; }
}
