using System.Text.Json;
using Accounts.Contracts;
using Accounts.Processor.Consumers;
using Accounts.Processor.Functions;
using EventLog;

namespace Accounts.Processor.Generations;

/// <summary>A function's row, and for a view the generation that is queried.</summary>
internal sealed record FunctionControl(FunctionRow Row, PointerRow Pointer)
{
    public string Live => Pointer.Generation;
}

/// <summary>What operators want of each function hosted here, as of half a second ago.</summary>
internal sealed class FunctionControls(string logId, IReadOnlyList<Function> functions, IStateStore views, Outage outage, TimeProvider time)
{
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(0.5);

    /// <summary>Whoever has not been able to look for so long begins nothing.</summary>
    public static readonly TimeSpan Lasts = TimeSpan.FromSeconds(1.5);

    private readonly Lock _gate = new();
    private Dictionary<string, FunctionControl> _controls = [];
    private long _readAt;

    public string LogId => logId;

    public FunctionControl this[string function]
    {
        get
        {
            lock (_gate)
            {
                return _controls.GetValueOrDefault(function) ?? Default;
            }
        }
    }

    /// <summary>Whether a function may take anything now: it is not paused, and what was read is young enough to say so.</summary>
    public bool MayWork(string function)
    {
        lock (_gate)
        {
            return _readAt != 0 && time.GetElapsedTime(_readAt) < Lasts && !this[function].Row.Paused;
        }
    }

    /// <summary>
    /// Reads all rows at once; throws what the store throws. Returns the functions of whose held accounts something was asked.
    /// </summary>
    public async Task<IReadOnlyList<string>> RefreshAsync(CancellationToken cancellation)
    {
        var before = time.GetTimestamp();
        var controls = await ReadAsync(functions, cancellation);
        outage.Answered();
        lock (_gate)
        {
            var old = _controls;
            (_controls, _readAt) = (controls, before);
            return [.. controls.Where(control => control.Value.Row.Attention != (old.GetValueOrDefault(control.Key)?.Row.Attention ?? 0)).Select(control => control.Key)];
        }
    }

    /// <summary>Reads how things stand with functions, hosted here or not.</summary>
    public async Task<Dictionary<string, FunctionControl>> ReadAsync(IReadOnlyList<Function> of, CancellationToken cancellation)
    {
        var found = await views.ReadManyAsync([.. of.SelectMany(function => (string[])[FunctionRow.Key(logId, function.Name), RowKeys.PointerTo(function.Name)])], cancellation);
        return of.ToDictionary(function => function.Name, function => new FunctionControl(
            found.TryGetValue(FunctionRow.Key(logId, function.Name), out var row) ? Row(row) : Default.Row,
            found.TryGetValue(RowKeys.PointerTo(function.Name), out var pointer) && Pointer(pointer) is { } known && known.LogId == logId ? known : Default.Pointer));
    }

    /// <summary>Changes a function's row, whoever else does so at the same time.</summary>
    /// <param name="function">Name of the function; it need not be hosted here.</param>
    /// <param name="change">The new row, or null to leave it.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>False when nothing was changed.</returns>
    public Task<bool> ChangeAsync(string function, Func<FunctionRow, FunctionRow?> change, CancellationToken cancellation) => outage.PersistAsync(
        async () =>
        {
            var key = FunctionRow.Key(logId, function);
            return await ReplaceAsync(key, await views.ReadAsync(key, cancellation), change, cancellation);
        },
        cancellation);

    /// <summary>As the other one, with the generation that is live while the row is as given: the pointer moves only while the row names a change.</summary>
    public Task<bool> ChangeAsync(string view, Func<FunctionRow, string, FunctionRow?> change, CancellationToken cancellation) => outage.PersistAsync(
        async () =>
        {
            // The row first: when it is still the same at the write, the pointer was the same too.
            var key = FunctionRow.Key(logId, view);
            var stored = await views.ReadAsync(key, cancellation);
            var pointer = await views.ReadAsync(RowKeys.PointerTo(view), cancellation);
            var live = pointer is { } found && Pointer(found) is { } known && known.LogId == logId ? known.Generation : ViewGenerations.First;
            return await ReplaceAsync(key, stored, row => change(row, live), cancellation);
        },
        cancellation);

    /// <summary>Changes a view's pointer; false when nothing was changed.</summary>
    public Task<bool> PointAsync(string view, Func<PointerRow, PointerRow?> change, CancellationToken cancellation) => outage.PersistAsync(
        async () =>
        {
            var key = RowKeys.PointerTo(view);
            if (await views.ReadAsync(key, cancellation) is not { } stored || change(Pointer(stored)) is not { } next)
            {
                return false;
            }

            await views.ReplaceAsync(key, JsonSerializer.SerializeToUtf8Bytes(next, ContractsJson.Default.PointerRow), stored.ETag, cancellation);
            return true;
        },
        cancellation);

    private async Task<bool> ReplaceAsync(string key, StoredValue? stored, Func<FunctionRow, FunctionRow?> change, CancellationToken cancellation)
    {
        if (change(stored is { } there ? Row(there) : new FunctionRow()) is not { } next)
        {
            return false;
        }

        var json = JsonSerializer.SerializeToUtf8Bytes(next, ProcessorJson.Default.FunctionRow);
        await views.PutAsync(key, json, stored?.ETag, cancellation);
        return true;
    }

    private FunctionControl Default => new(new FunctionRow(), new PointerRow(logId, ViewGenerations.First));

    private static FunctionRow Row(StoredValue stored) => JsonSerializer.Deserialize(stored.Value.Span, ProcessorJson.Default.FunctionRow)!;

    private static PointerRow Pointer(StoredValue stored) => JsonSerializer.Deserialize(stored.Value.Span, ContractsJson.Default.PointerRow)!;
}
