using Accounts.Contracts;
using Accounts.Processor.Consumers;
using Accounts.Processor.Functions;
using Accounts.Processor.Parking;
using EventLog;

namespace Accounts.Processor.Generations;

/// <summary>
/// Leads one view from one generation to another, forwards or back, so that nobody who queries ever goes back in time. All
/// replicas do so together: each step is one conditional write of one row, so it does not matter whose it was.
/// <list type="number">
/// <item>Filling: until the new generation is about as far as the live one.</item>
/// <item>Leading: the pointer says that a change is near, and who queries reads it before each row. The live generation takes
/// nothing that the new one has not taken. When every replica has had time to hear of that, the ends of the log are noted:
/// what the live generation shows is before them, or is in the new one too. Once the new one has passed them, the pointer
/// changes.</item>
/// <item>Switched: until everybody who queries has seen the new pointer; then the old generation is fed on its own.</item>
/// <item>Giving up, when an operator takes it back while it leads: until no replica can believe any more that it leads. Then the
/// pointer says that no change is near, which whoever would still move it asks, and the live generation goes on by itself.</item>
/// </list>
/// </summary>
internal sealed class GenerationSwitch(Function.View view, FunctionControls controls, LogDescription description, LogReader log, IStateStore views, TimeProvider time, ILogger logger)
{
    private const int NearRecords = 32;

    // Longer than what was read of the controls lasts, and than queries remember a pointer.
    private static readonly TimeSpan Heard = FunctionControls.Lasts + TimeSpan.FromSeconds(0.5);

    private (GenerationChange? Change, bool Announced) _seen;
    private long _seenAt;
    private long[]? _ends;

    /// <summary>Goes a step, if it is time for one.</summary>
    public async Task StepAsync(CancellationToken cancellation)
    {
        var (row, pointer) = controls[view.Name];
        var seen = (row.Change, pointer.Changing ?? false);
        if (_seen != seen)
        {
            (_seen, _seenAt, _ends) = (seen, time.GetTimestamp(), null);
        }

        var heard = time.GetElapsedTime(_seenAt) >= Heard;
        await (row.Change switch
        {
            { Phase: ChangePhase.Filling } change when row.Generations.Any(generation => generation.Id == change.To && generation.IsFor(view)) =>
                FillAsync(change, pointer, cancellation),
            { Phase: ChangePhase.Leading } change when pointer.Changing is not true => AnnounceAsync(change, cancellation),
            { Phase: ChangePhase.Leading or ChangePhase.GivingUp } change when pointer.Generation == change.To => PhaseAsync(change, ChangePhase.Switched, cancellation),
            { Phase: ChangePhase.Leading } change when heard => LeadAsync(change, pointer, cancellation),
            { Phase: ChangePhase.GivingUp } change when heard => GiveUpAsync(change, cancellation),
            { Phase: ChangePhase.Switched } change when heard => EndAsync(change, cancellation),
            null when pointer.Changing is true && heard => controls.PointAsync(view.Name, there => there.Changing is true ? there with { Changing = null } : null, cancellation),
            _ => Task.CompletedTask,
        });
    }

    private async Task FillAsync(GenerationChange change, PointerRow pointer, CancellationToken cancellation)
    {
        var (there, live) = (await CheckpointsAsync(change.To, cancellation), await CheckpointsAsync(pointer.Generation, cancellation));
        if (there.Zip(live).All(pair => IsNear(pair.First, pair.Second)) && !await LacksAccountsAsync(change, pointer, cancellation))
        {
            await PhaseAsync(change, ChangePhase.Leading, cancellation);
        }
    }

    /// <summary>A partition that nobody has begun to fill is not near, however short it is: nobody who can may be there.</summary>
    private static bool IsNear(long there, long live) => there >= live - NearRecords && (there > 0 || live == 0);

    private Task<bool> AnnounceAsync(GenerationChange change, CancellationToken cancellation) => controls.PointAsync(
        view.Name, there => there.Changing is true || there.Generation == change.To ? null : there with { Changing = true }, cancellation);

    private async Task LeadAsync(GenerationChange change, PointerRow pointer, CancellationToken cancellation)
    {
        _ends ??= await LogEnds.FindAsync(log, await CheckpointsAsync(pointer.Generation, cancellation), cancellation);
        if ((await CheckpointsAsync(change.To, cancellation)).Zip(_ends).All(pair => pair.First >= pair.Second)
            && !await LacksAccountsAsync(change, pointer, cancellation)
            && await controls.PointAsync(
                view.Name, there => there.Changing is true && there.Generation == pointer.Generation ? there with { Generation = change.To } : null, cancellation))
        {
            logger.LogInformation("View {View}: generation {New} takes over from {Old}", view.Name, change.To, pointer.Generation);
        }
    }

    private async Task EndAsync(GenerationChange change, CancellationToken cancellation)
    {
        await controls.PointAsync(view.Name, there => there.Generation == change.To && there.Changing is true ? there with { Changing = null } : null, cancellation);
        await controls.ChangeAsync(view.Name, row => row.Change == change ? row with { Change = null } : null, cancellation);
    }

    private async Task GiveUpAsync(GenerationChange change, CancellationToken cancellation)
    {
        if (await controls.PointAsync(view.Name, there => there.Generation == change.To ? null : there with { Changing = null }, cancellation))
        {
            await controls.ChangeAsync(view.Name, row => row.Change == change ? GenerationOrders.GivenUp(row) : null, cancellation);
        }
    }

    private Task<bool> PhaseAsync(GenerationChange change, ChangePhase phase, CancellationToken cancellation) => controls.ChangeAsync(
        view.Name, row => row.Change == change ? row with { Change = change with { Phase = phase } } : null, cancellation);

    /// <summary>Whether the new generation holds back accounts that the live one shows as they are: they would go back in time.</summary>
    private async Task<bool> LacksAccountsAsync(GenerationChange change, PointerRow pointer, CancellationToken cancellation)
    {
        var lacking = await HeldAsync(change.To, cancellation);
        if (lacking.Count == 0)
        {
            return false;
        }

        var live = (await HeldAsync(pointer.Generation, cancellation)).ToDictionary(row => row.Account, row => row.Done);
        return lacking.Any(row => !live.TryGetValue(row.Account, out var done) || done > row.Done);
    }

    private async Task<IReadOnlyList<HeldRow>> HeldAsync(string generation, CancellationToken cancellation)
    {
        var at = new ViewPointer(description.Id, generation);
        var keys = Enumerable.Range(0, description.Partitions).SelectMany(partition => HeldDirectory.Keys(at, view.Name, partition)).ToList();
        var accounts = (await views.ReadManyAsync(keys, cancellation)).Values.SelectMany(page => HeldDirectory.Parse(page).Accounts).ToList();
        return accounts.Count == 0 ? [] : [.. (await new HeldRows(at, view.Name, views).ReadAsync(accounts, cancellation)).Where(row => row.State != HeldStates.Released)];
    }

    private async Task<long[]> CheckpointsAsync(string generation, CancellationToken cancellation)
    {
        var at = new ViewPointer(description.Id, generation);
        var keys = Enumerable.Range(0, description.Partitions).Select(partition => RowKeys.Checkpoint(at, view.Name, partition)).ToList();
        var found = await views.ReadManyAsync(keys, cancellation);
        return [.. keys.Select(key => Checkpoint.Parse(found[key]).Position)];
    }
}
