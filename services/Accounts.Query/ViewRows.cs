using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Accounts.Contracts;
using ServiceDefaults;

namespace Accounts.Query;

/// <summary>The rows of the views, in the generation that their pointers name.</summary>
internal sealed class ViewRows(StateReader state, TimeProvider time)
{
    public const int PageSize = 100;
    private static readonly TimeSpan PointerLasts = TimeSpan.FromSeconds(0.9);
    private readonly ConcurrentDictionary<string, (long ReadAt, Task<ViewPointer?> Pointer)> _pointers = new();

    /// <summary>The row of an account; null when there is none (yet).</summary>
    public async Task<AccountRow?> AccountAsync(string number, CancellationToken cancellation) =>
        await PointerAsync(Views.Account) is { } pointer
            ? Parse(await state.ReadAsync(Components.Views, RowKeys.Account(pointer, number), cancellation), ContractsJson.Default.AccountRow)
            : null;

    /// <summary>
    /// The events after a version, oldest first, at most a page and one more (so that it is known whether there are more);
    /// null when the account has none (yet). The history has its own pace, so its end is where its rows end.
    /// </summary>
    public async Task<IReadOnlyList<AccountEventBody>?> EventsAsync(string number, long after, CancellationToken cancellation)
    {
        if (await PointerAsync(Views.History) is not { } pointer)
        {
            return null;
        }

        // Most histories are short: a small read first, the rest of the page only when all of that was there.
        var events = new List<AccountEventBody>();
        foreach (var size in (int[])[20, PageSize + 1 - 20])
        {
            var first = after + events.Count + 1;
            var keys = Enumerable.Range(0, size).Select(i => RowKeys.History(pointer, number, first + i)).ToList();
            var rows = await state.ReadManyAsync(Components.Views, keys, cancellation);
            var found = keys.TakeWhile(rows.ContainsKey).Select(key => JsonSerializer.Deserialize(rows[key].Span, ContractsJson.Default.AccountEventBody)!);
            events.AddRange(found);
            if (events.Count < size)
            {
                break;
            }
        }

        var exists = events.Count > 0 || (after > 0 && await state.ReadAsync(Components.Views, RowKeys.History(pointer, number, 1), cancellation) is not null);
        return exists ? events : null;
    }

    /// <summary>Reads a pointer, known or not; throws when the views cannot be read.</summary>
    public Task AskAsync(CancellationToken cancellation) => state.ReadAsync(Components.Views, RowKeys.PointerTo(Views.Account), cancellation);

    // Shared by all requests of a second, so no single request can cancel it. An absent pointer is not kept: the first rows
    // of a new system are to be seen at once.
    private async Task<ViewPointer?> PointerAsync(string view)
    {
        if (!_pointers.TryGetValue(view, out var cached) || time.GetElapsedTime(cached.ReadAt) >= PointerLasts || cached.Pointer.IsFaulted)
        {
            _pointers[view] = cached = (time.GetTimestamp(), ReadPointerAsync(view));
        }

        var pointer = await cached.Pointer;
        if (pointer is null)
        {
            _pointers.TryRemove(new(view, cached));
        }

        return pointer;
    }

    private async Task<ViewPointer?> ReadPointerAsync(string view) =>
        Parse(await state.ReadAsync(Components.Views, RowKeys.PointerTo(view), CancellationToken.None), ContractsJson.Default.ViewPointer);

    private static T? Parse<T>(ReadOnlyMemory<byte>? json, JsonTypeInfo<T> type)
        where T : class => json is { } bytes ? JsonSerializer.Deserialize(bytes.Span, type) : null;
}
