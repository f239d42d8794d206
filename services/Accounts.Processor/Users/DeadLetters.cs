using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Accounts.Contracts;
using Accounts.Processor.Parking;
using EventLog;

namespace Accounts.Processor.Users;

/// <summary>A message that could not be taken. Stays, without the message and as <see cref="HeldStates.Released"/>, when it was dealt with.</summary>
internal sealed record DeadLetterRow
{
    /// <summary>Digest of the message's own id: the same message is kept once.</summary>
    public required string Id { get; init; }

    /// <summary>The message's own id, when it has one.</summary>
    public string? MessageId { get; init; }

    /// <summary>Why it could not be taken, for people.</summary>
    public required string Reason { get; init; }

    /// <summary>Since when, in epoch milliseconds.</summary>
    public required long Since { get; init; }

    /// <summary>How often it has died, here or on its way.</summary>
    public required int Deaths { get; init; }

    /// <summary>One of <see cref="HeldStates"/>: parked or released.</summary>
    public required string State { get; init; }

    /// <summary>The message, as it came; its beginning, when it is too large to be kept.</summary>
    public required string Message { get; init; }

    /// <summary>False when it was too large: it cannot be replayed.</summary>
    public required bool Whole { get; init; }

    /// <summary>True from the order to replay it until that is done.</summary>
    public bool Replay { get; init; }
}

/// <summary>
/// The messages that could not be taken, so that no broker has to keep them: rows in the views' store, and a directory of those that nobody
/// has dealt with yet. There is room for as many as the directory has; what comes then stays at the broker.
/// </summary>
internal sealed class DeadLetters(string logId, IStateStore views)
{
    private const int MaxBytes = 32 * 1024;
    private const int MaxIdLength = 256;

    private readonly ViewPointer _at = new(logId, "1");

    /// <summary>Keeps a message; doing it again does no harm. Throws what the store throws.</summary>
    /// <exception cref="TooManyHeldException">There is no room.</exception>
    public async Task KeepAsync(ReadOnlyMemory<byte> message, string? messageId, string reason, DateTimeOffset now, CancellationToken cancellation)
    {
        var id = IdOf(message, messageId);
        var (row, etag) = await ReadAsync(id, cancellation);
        if (row is not { State: HeldStates.Parked })
        {
            var next = new DeadLetterRow
            {
                Id = id,
                MessageId = messageId is { Length: > MaxIdLength } ? messageId[..MaxIdLength] : messageId,
                Reason = reason,
                Since = now.ToUnixTimeMilliseconds(),
                Deaths = (row?.Deaths ?? 0) + 1,
                State = HeldStates.Parked,
                Message = Encoding.UTF8.GetString(message.Span[..Math.Min(message.Length, MaxBytes)]),
                Whole = message.Length <= MaxBytes,
            };
            await WriteAsync(next, etag, cancellation);
        }

        await Directory().ChangeAsync([id], [], cancellation);
    }

    /// <summary>Those that nobody has dealt with yet, by id, after a given one.</summary>
    public async Task<IReadOnlyList<DeadLetterRow>> ListAsync(string? after, int limit, CancellationToken cancellation)
    {
        var found = new List<DeadLetterRow>();
        var ids = (await Directory().ReadAsync(cancellation)).Where(id => string.CompareOrdinal(id, after) > 0).Order(StringComparer.Ordinal);
        foreach (var portion in ids.Chunk(limit))
        {
            var rows = await views.ReadManyAsync([.. portion.Select(Key)], cancellation);
            found.AddRange(portion.Where(id => rows.ContainsKey(Key(id))).Select(id => Parse(rows[Key(id)])).Where(row => row.State == HeldStates.Parked));
            if (found.Count >= limit)
            {
                break;
            }
        }

        return found;
    }

    public async Task<DeadLetterRow?> FindAsync(string id, CancellationToken cancellation) =>
        IsId(id) && (await ReadAsync(id, cancellation)).Row is { State: HeldStates.Parked } row ? row : null;

    /// <summary>Changes one that nobody has dealt with yet; null when there is none. Throws also when a rival was faster.</summary>
    public async Task<DeadLetterRow?> ChangeAsync(string id, Func<DeadLetterRow, DeadLetterRow> change, CancellationToken cancellation)
    {
        if (!IsId(id) || await ReadAsync(id, cancellation) is not ({ State: HeldStates.Parked } row, var etag))
        {
            return null;
        }

        var next = change(row);
        await WriteAsync(next, etag, cancellation);
        if (next.State == HeldStates.Released)
        {
            await Directory().ChangeAsync([], [id], cancellation);
        }

        return next;
    }

    /// <summary>The row of one that is dealt with.</summary>
    public static DeadLetterRow Released(DeadLetterRow row) => row with { State = HeldStates.Released, Message = "", Replay = false };

    public static bool IsId(string text) => text.Length == 32 && text.All(char.IsAsciiHexDigitLower);

    private static string IdOf(ReadOnlyMemory<byte> message, string? messageId) =>
        Convert.ToHexStringLower(SHA256.HashData(messageId is null ? message.Span : Encoding.UTF8.GetBytes(messageId)))[..32];

    // No function is called so: the rows are the processor's own.
    private HeldDirectory Directory() => new(_at, Topics.UserEventsDead, 0, views);

    private string Key(string id) => RowKeys.Row(_at, "dead-letter", id);

    private async Task<(DeadLetterRow? Row, string? ETag)> ReadAsync(string id, CancellationToken cancellation) =>
        await views.ReadAsync(Key(id), cancellation) is { } stored ? (Parse(stored), stored.ETag) : (null, null);

    private Task WriteAsync(DeadLetterRow row, string? etag, CancellationToken cancellation) =>
        views.PutAsync(Key(row.Id), JsonSerializer.SerializeToUtf8Bytes(row, UsersJson.Default.DeadLetterRow), etag, cancellation);

    private static DeadLetterRow Parse(StoredValue stored) => JsonSerializer.Deserialize(stored.Value.Span, UsersJson.Default.DeadLetterRow)!;
}
