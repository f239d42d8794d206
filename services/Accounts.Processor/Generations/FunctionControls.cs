using System.Text.Json;
using Accounts.Processor.Consumers;
using Accounts.Processor.Functions;
using EventLog;

namespace Accounts.Processor.Generations;

/// <summary>What operators want of each function hosted here, as of half a second ago.</summary>
internal sealed class FunctionControls(string logId, IReadOnlyList<Function> functions, IStateStore views, Outage outage, TimeProvider time, Random chance)
{
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(0.5);

    /// <summary>Whoever has not been able to look for so long begins nothing.</summary>
    public static readonly TimeSpan Lasts = TimeSpan.FromSeconds(2);

    private readonly Lock _gate = new();
    private Dictionary<string, FunctionRow> _rows = [];
    private long _readAt;

    /// <summary>What was read is young enough to act on.</summary>
    public bool Fresh
    {
        get
        {
            lock (_gate)
            {
                return _readAt != 0 && time.GetElapsedTime(_readAt) < Lasts;
            }
        }
    }

    public FunctionRow this[string function]
    {
        get
        {
            lock (_gate)
            {
                return _rows.GetValueOrDefault(function) ?? new FunctionRow();
            }
        }
    }

    /// <summary>The last position that a function may do now; -1 while it is paused, or nobody knows.</summary>
    public long Permitted(string function) => Fresh && !this[function].Paused ? long.MaxValue : -1;

    /// <summary>
    /// Reads all rows at once; throws what the store throws. Returns the functions of whose held accounts something was asked.
    /// </summary>
    public async Task<IReadOnlyList<string>> RefreshAsync(CancellationToken cancellation)
    {
        var before = time.GetTimestamp();
        var keys = functions.ToDictionary(function => FunctionRow.Key(logId, function.Name), function => function.Name);
        var found = await views.ReadManyAsync([.. keys.Keys], cancellation);
        outage.Answered();
        var rows = found.ToDictionary(row => keys[row.Key], row => Parse(row.Value));
        lock (_gate)
        {
            var old = _rows;
            (_rows, _readAt) = (rows, before);
            return [.. rows.Where(row => row.Value.Attention != old.GetValueOrDefault(row.Key)?.Attention).Select(row => row.Key)];
        }
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
            var stored = await views.ReadAsync(key, cancellation);
            if (change(stored is { } there ? Parse(there) : new FunctionRow()) is not { } next)
            {
                return false;
            }

            var json = JsonSerializer.SerializeToUtf8Bytes(next, ProcessorJson.Default.FunctionRow);
            await (stored is { } old ? views.ReplaceAsync(key, json, old.ETag, cancellation) : views.CreateAsync(key, json, cancellation));
            return true;
        },
        chance,
        cancellation);

    private static FunctionRow Parse(StoredValue stored) => JsonSerializer.Deserialize(stored.Value.Span, ProcessorJson.Default.FunctionRow)!;
}
