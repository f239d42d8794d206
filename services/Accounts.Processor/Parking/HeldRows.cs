using System.Globalization;
using System.Text.Json;
using Accounts.Contracts;
using Accounts.Processor.Consumers;
using EventLog;

namespace Accounts.Processor.Parking;

/// <summary>Where a held event is.</summary>
internal sealed record WaitingRow(long Position);

/// <summary>
/// The rows of the accounts that one function holds back: one row an account, which says how things stand, and one a held
/// event, which says where it is in the log. So no row grows with the number of events, and nothing is copied.
/// </summary>
internal sealed class HeldRows(ViewPointer at, string function, IStateStore views)
{
    private const int RowsPerWrite = 100;

    public async Task<(HeldRow? Row, string? ETag)> ReadAsync(string account, CancellationToken cancellation) =>
        await views.ReadAsync(RowKeys.Held(at, function, account), cancellation) is { } stored ? (Parse(stored), stored.ETag) : (null, null);

    public async Task<IReadOnlyList<HeldRow>> ReadAsync(IEnumerable<string> accounts, CancellationToken cancellation) =>
        [.. (await views.ReadManyAsync([.. accounts.Select(account => RowKeys.Held(at, function, account))], cancellation)).Values.Select(Parse)];

    public Task WriteAsync(HeldRow row, string? etag, CancellationToken cancellation)
    {
        var key = RowKeys.Held(at, function, row.Account);
        var json = JsonSerializer.SerializeToUtf8Bytes(row, ContractsJson.Default.HeldRow);
        return views.PutAsync(key, json, etag, cancellation);
    }

    /// <summary>Notes where held events are. An event's place never changes, so noting it twice does no harm.</summary>
    public async Task NoteAsync(string account, IEnumerable<LoggedEvent> events, CancellationToken cancellation)
    {
        foreach (var portion in events.Chunk(RowsPerWrite))
        {
            await views.TransactAsync(
                [.. portion.Select(logged => new StateWrite(
                    Waiting(account, logged.Version),
                    JsonSerializer.SerializeToUtf8Bytes(new WaitingRow(logged.Recorded.Position.Position), ProcessorJson.Default.WaitingRow),
                    WriteCondition.Always))],
                cancellation);
        }
    }

    /// <summary>The positions of the held events among these versions; the function does not handle the others.</summary>
    public async Task<IReadOnlyDictionary<long, long>> PositionsAsync(string account, long after, long upTo, CancellationToken cancellation)
    {
        var keys = new Dictionary<string, long>();
        for (var version = after + 1; version <= upTo; version++)
        {
            keys[Waiting(account, version)] = version;
        }

        var found = await views.ReadManyAsync([.. keys.Keys], cancellation);
        return found.ToDictionary(
            row => keys[row.Key], row => JsonSerializer.Deserialize(row.Value.Value.Span, ProcessorJson.Default.WaitingRow)!.Position);
    }

    private string Waiting(string account, long version) =>
        RowKeys.Row(at, "held", string.Create(CultureInfo.InvariantCulture, $"{function}.{RowKeys.Escape(account)}.{version}"));

    private static HeldRow Parse(StoredValue stored) => JsonSerializer.Deserialize(stored.Value.Span, ContractsJson.Default.HeldRow)!;
}
