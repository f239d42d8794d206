using Accounts.Contracts;
using Accounts.Processor.Consumers;
using Accounts.Processor.Functions;
using EventLog;

namespace Accounts.Processor.Generations;

/// <summary>What operators can do with the generations of a view. Each returns why it cannot be done, or null.</summary>
internal static class GenerationOrders
{
    private const string Busy = "Another generation is on its way already: see the function's progress.";

    /// <summary>Begins to fill a new generation beside the live one, which is dropped only when yet another one is begun.</summary>
    public static async Task<string?> RebuildAsync(
        FunctionControls controls, Function.View view, int partitions, IStateStore views, DateTimeOffset now, CancellationToken cancellation)
    {
        var row = (await controls.ReadAsync([view], cancellation))[view.Name].Row;
        if (row.Change is not null)
        {
            return Busy;
        }

        // The checkpoints are there before anybody can hear of the generation. Its id may have been made before by somebody
        // who got no further, and then nothing has been written under it.
        var generation = new Generation(ViewGenerations.Id(row.Last + 1, view.Version), view.Version, now.ToUnixTimeMilliseconds());
        await Checkpoint.CreateAsync(views, new ViewPointer(controls.LogId, generation.Id), view.Name, partitions, cancellation);
        return await controls.ChangeAsync(
            view.Name,
            (current, live) => current.Change is not null || current.Last != row.Last ? null : current with
            {
                Last = current.Last + 1,
                Generations = [.. current.Generations.Where(other => other.Id == live), generation],
                Change = new GenerationChange(generation.Id, ChangePhase.Filling),
            },
            cancellation) ? null : Busy;
    }

    /// <summary>Goes back to the generation before, or gives up the one that is on its way.</summary>
    public static async Task<string?> RollBackAsync(FunctionControls controls, Function.View view, CancellationToken cancellation)
    {
        string? refusal = null;
        await controls.ChangeAsync(
            view.Name,
            (row, live) =>
            {
                var others = row.Generations.Where(generation => generation.Id != live).ToList();
                refusal = row.Change is { } change && (change.Phase is ChangePhase.Switched || change.To == live) ? Busy
                    : row.Change is null && others.Count == 0 ? "There is no generation before this one, or it was dropped."
                    : null;
                return refusal is not null ? null : row.Change switch
                {
                    null => row with { Change = new GenerationChange(others[^1].Id, ChangePhase.Filling, Back: true) },
                    { Phase: ChangePhase.Filling } => GivenUp(row),
                    { Phase: ChangePhase.Leading } leading => row with { Change = leading with { Phase = ChangePhase.GivingUp } },
                    _ => null,
                };
            },
            cancellation);
        return refusal;
    }

    /// <summary>Without the generation that was on its way, unless it had been live before.</summary>
    public static FunctionRow GivenUp(FunctionRow row) => row with
    {
        Change = null,
        Generations = row.Change is { Back: false } change ? [.. row.Generations.Where(generation => generation.Id != change.To)] : row.Generations,
    };

    /// <summary>Stops feeding the generation before.</summary>
    public static async Task<string?> DropAsync(FunctionControls controls, Function.View view, CancellationToken cancellation)
    {
        string? refusal = null;
        await controls.ChangeAsync(
            view.Name,
            (row, live) =>
            {
                refusal = row.Change is not null ? Busy : row.Generations.Count < 2 ? "There is no generation beside the live one." : null;
                return refusal is null ? row with { Generations = [.. row.Generations.Where(generation => generation.Id == live)] } : null;
            },
            cancellation);
        return refusal;
    }
}
