using System.Text.Json;
using Accounts.Contracts;
using Accounts.Processor.Functions;
using Accounts.Processor.Generations;
using EventLog;

namespace Accounts.Processor.Consumers;

/// <summary>
/// Fixes where functions begin, before anything else is done: nothing that is appended from then on is skipped, whatever
/// crashes.
/// <para>
/// The first processor that ever sees a log fixes it for every function that it knows, also for those that other
/// deployments host or that are switched off, and everything begins at the first event: clients may have opened accounts
/// before the processor was up. A function that a later version adds begins where it says, by default at the tail as it
/// is when a processor first sees the function.
/// </para>
/// </summary>
internal sealed class StartPositions(IStateStore views, LogReader log)
{
    /// <summary>Where each function's rows and checkpoints are, once all of its checkpoints exist.</summary>
    public async Task<IReadOnlyDictionary<string, ViewPointer>> FixAsync(
        LogDescription description, IReadOnlyList<Function> functions, CancellationToken cancellation)
    {
        var begun = RowKeys.Row(new ViewPointer(description.Id, ViewGenerations.First), "checkpoint", "begun");
        var fresh = await views.ReadAsync(begun, cancellation) is null;
        var pointers = new Dictionary<string, ViewPointer>();
        foreach (var function in functions)
        {
            var (pointer, stored) = await PointerAsync(function, description, cancellation);
            await FixAsync(function, pointer, description.Partitions, fresh, cancellation);
            if (function is Function.View view && stored is null)
            {
                await views.CreateUnlessThereAsync(
                    FunctionRow.Key(description.Id, function.Name),
                    JsonSerializer.SerializeToUtf8Bytes(ViewGenerations.FirstOf(view), ProcessorJson.Default.FunctionRow),
                    cancellation);
                await views.CreateUnlessThereAsync(RowKeys.PointerTo(function.Name), PointerJson(pointer), cancellation);
            }
            else if (function is Function.View && stored is { } other && !IsOf(description, other))
            {
                await views.ReplaceAsync(RowKeys.PointerTo(function.Name), PointerJson(pointer), other.ETag, cancellation);
            }

            pointers[function.Name] = pointer;
        }

        if (fresh)
        {
            await views.CreateUnlessThereAsync(begun, "{}"u8.ToArray(), cancellation);
        }

        return pointers;
    }

    private async Task<(ViewPointer Pointer, StoredValue? Stored)> PointerAsync(
        Function function, LogDescription description, CancellationToken cancellation)
    {
        // Rows are filed under the log's id, so another log's rows are no hindrance: the pointer just moves to this log.
        var stored = function is Function.View ? await views.ReadAsync(RowKeys.PointerTo(function.Name), cancellation) : null;
        var pointer = stored is { } value && IsOf(description, value) ? PointerOf(value) : new ViewPointer(description.Id, ViewGenerations.First);
        return (pointer, stored);
    }

    private async Task FixAsync(Function function, ViewPointer pointer, int partitions, bool fresh, CancellationToken cancellation)
    {
        var keys = Enumerable.Range(0, partitions).Select(partition => RowKeys.Checkpoint(pointer, function.Name, partition)).ToList();
        var found = await views.ReadManyAsync(keys, cancellation);
        for (var partition = 0; partition < partitions; partition++)
        {
            if (!found.ContainsKey(keys[partition]))
            {
                var start = fresh || function.StartAt == StartAt.Beginning
                    ? new CheckpointRow(0, 0)
                    : new CheckpointRow(await LogEnds.FindAsync(log, partition, 0, cancellation));
                await views.CreateUnlessThereAsync(keys[partition], Checkpoint.ToJson(start), cancellation);
            }
        }
    }

    private static bool IsOf(LogDescription description, StoredValue pointer) => PointerOf(pointer).LogId == description.Id;

    private static ViewPointer PointerOf(StoredValue stored) => JsonSerializer.Deserialize(stored.Value.Span, ContractsJson.Default.ViewPointer)!;

    private static byte[] PointerJson(ViewPointer pointer) => JsonSerializer.SerializeToUtf8Bytes(pointer, ContractsJson.Default.ViewPointer);
}
