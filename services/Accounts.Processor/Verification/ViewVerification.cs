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
/// partition at a time, and of that a portion of the accounts, unless accounts share rows. Rows of whole records are shared by
/// accounts; of those the newest state of each account of the partition is in memory.
/// </summary>
/// <param name="progress">Gets what was done since it was called last.</param>
internal sealed class ViewVerification(
    Function.View view, Operator at, VerificationRow asked, RowWriter writer, int eventsPerPortion, Action<VerificationProgress> progress)
{
    private const int Rounds = 8;
    private const int Attempts = 8;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    // Rows of the portion that were called broken: begun anew, it finds them once more.
    private readonly HashSet<string> _named = [];
    private readonly ViewPointer _at = new(at.Log.Id, asked.Generation);

    public async Task RunAsync(CancellationToken cancellation)
    {
        for (var partition = 0; partition < at.Log.Partitions; partition++)
        {
            var checkpoint = await CheckpointAsync(partition, cancellation);
            var portions = view.SharesRows ? 1 : (int)(((checkpoint.Events ?? checkpoint.Position) / eventsPerPortion) + 1);
            for (var portion = 0; portion < portions; portion++)
            {
                // What the function holds back may change meanwhile, again and again: then what differs stays unsettled.
                var attempt = 1;
                _named.Clear();
                while (!await VerifyAsync(partition, portions, portion, attempt, cancellation))
                {
                    attempt++;
                }
            }

            if (view.FoldRecord is not null)
            {
                await VerifyRecordsAsync(partition, cancellation);
            }
        }
    }

    /// <summary>False when it has to be begun anew, because the function holds back other events than at the beginning.</summary>
    private async Task<bool> VerifyAsync(int partition, int portions, int portion, int attempt, CancellationToken cancellation)
    {
        var held = await HeldAsync(partition, cancellation);
        var expected = new ExpectedRows(
            view, _at, partition, at.Reader, held, account => portions == 1 || (uint)account.GetHashCode(StringComparison.Ordinal) % portions == portion);
        await expected.FoldAsync(
            (await CheckpointAsync(partition, cancellation)).Position,
            events => progress(new VerificationProgress { Events = attempt == 1 ? (double)events / portions : 0 }),
            cancellation);
        var mismatches = await CompareAsync(expected, expected.All, cancellation);
        progress(new VerificationProgress { Rows = attempt == 1 ? expected.All.Count() : 0 });
        for (var round = 0; mismatches.Count > 0 && round < Rounds; round++)
        {
            // What was stored is of events up to this end. Once the function is past it and the rows are still the same, they
            // have all of those events and no later one. A row that never changes was there before the function came so far.
            if (mismatches.Any(mismatch => !mismatch.Expected.Final)
                && !await ReachesAsync(partition, await LogEnds.FindAsync(at.Reader, partition, expected.Position, cancellation), cancellation))
            {
                break;
            }

            await expected.FoldAsync((await CheckpointAsync(partition, cancellation)).Position, _ => { }, cancellation);
            var before = mismatches.ToDictionary(mismatch => mismatch.Expected.Key);
            var again = await CompareAsync(expected, expected.All.Where(row => before.ContainsKey(row.Key)), cancellation);
            if (!Same(held, await HeldAsync(partition, cancellation)))
            {
                if (attempt < Attempts)
                {
                    return false;
                }

                break;
            }

            mismatches = await ReportAsync(before, again, cancellation);
        }

        progress(new VerificationProgress { Unsettled = mismatches.Count });
        return true;
    }

    private async Task<IReadOnlyList<Mismatch>> CompareAsync(ExpectedRows expected, IEnumerable<RowWrite> rows, CancellationToken cancellation)
    {
        var found = await RowComparison.FindAsync(rows, writer.Store, cancellation);
        if (found.Count == 0 || view.Arrange is not { } arrange)
        {
            return found;
        }

        var arranged = await arrange(_at, expected.Rows, [.. found.Select(mismatch => mismatch.Expected.Key)], writer.Store, cancellation);
        var others = found.Where(mismatch => !arranged.Contains(mismatch.Expected.Key));
        return [.. others, .. await RowComparison.FindAsync(expected.All.Where(row => arranged.Contains(row.Key)), writer.Store, cancellation)];
    }

    private async Task VerifyRecordsAsync(int partition, CancellationToken cancellation)
    {
        // First how far the function is, then what it holds back: it writes them the other way round, so all that it lacks of
        // these records is known, and what it takes meanwhile is only ever added.
        var upTo = (await CheckpointAsync(partition, cancellation)).Position;
        var expected = new ExpectedRows(view, _at, partition, at.Reader, await HeldAsync(partition, cancellation), _ => true);
        while (expected.Position < upTo)
        {
            var records = await expected.FoldPageAsync(upTo, cancellation);
            var rows = await expected.OfAsync(records, writer.Store, cancellation);
            var mismatches = await RowComparison.FindAsync(rows, writer.Store, cancellation);
            progress(new VerificationProgress { Rows = rows.Count });
            for (var round = 0; mismatches.Count > 0 && round < Rounds; round++)
            {
                var before = mismatches.ToDictionary(mismatch => mismatch.Expected.Key);
                rows = [.. (await expected.OfAsync(records, writer.Store, cancellation)).Where(row => before.ContainsKey(row.Key))];
                mismatches = await ReportAsync(before, await RowComparison.FindAsync(rows, writer.Store, cancellation), cancellation);
            }

            progress(new VerificationProgress { Unsettled = mismatches.Count });
        }
    }

    /// <summary>Of what is still not as expected, that which has not changed since is broken; the rest is returned.</summary>
    private async Task<IReadOnlyList<Mismatch>> ReportAsync(
        Dictionary<string, Mismatch> before, IReadOnlyList<Mismatch> again, CancellationToken cancellation)
    {
        var broken = again.Where(mismatch => before.TryGetValue(mismatch.Expected.Key, out var earlier) && mismatch.IsStill(earlier)).ToList();
        var healed = new List<string>();
        if (asked.Heal && broken.Count > 0)
        {
            await writer.WriteAsync(broken.Select(mismatch => mismatch.Healing), singly: true, healed, cancellation);
        }

        progress(new VerificationProgress { Broken = [.. broken.Select(mismatch => mismatch.Expected.Key).Where(_named.Add)], Healed = healed.Count });
        return [.. again.Except(broken)];
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
        && one.All(row => other.TryGetValue(row.Key, out var there)
            && (there.Done, there.State, there.Version) == (row.Value.Done, row.Value.State, row.Value.Version));
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
