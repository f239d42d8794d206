using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Accounts.Contracts;
using ServiceDefaults;

namespace Accounts.Query;

/// <summary>The rows of the views, in the generation that their pointers name.</summary>
internal sealed class ViewRows(StateReader state, TimeProvider time)
{
    private static readonly TimeSpan PointerLasts = TimeSpan.FromSeconds(0.9);
    private const int PartitionsTogether = 16;
    private readonly ConcurrentDictionary<string, int> _partitions = new();
    private readonly ConcurrentDictionary<string, Known> _pointers = new();

    private readonly SharedReads _single = new(
        (key, cancellation) => state.ReadAsync(Components.Views, key, cancellation), keys => state.ReadManyAsync(Components.Views, keys, CancellationToken.None), time);

    /// <summary>The row of an account; null when there is none (yet).</summary>
    /// <exception cref="HeldAccount">The view has not been able to take all of its events.</exception>
    public async Task<AccountRow?> AccountAsync(string number, CancellationToken cancellation)
    {
        if (await PointerAsync(Views.Account) is not { } pointer)
        {
            return null;
        }

        var row = Parse(await _single.ReadAsync(RowKeys.Account(pointer, number), cancellation), ContractsJson.Default.AccountRow);
        return row is { Held: true } || (row is null && await IsHeldAsync(pointer, number, cancellation)) ? throw new HeldAccount() : row;
    }

    // Where there is no row to carry the mark, it is the first event that the view could not take.
    private async Task<bool> IsHeldAsync(ViewPointer pointer, string number, CancellationToken cancellation) =>
        Parse(await _single.ReadAsync(RowKeys.Held(pointer, Views.Account, number), cancellation), ContractsJson.Default.HeldRow)
            is { State: HeldStates.Parked };

    /// <summary>
    /// What a view holds back of these partitions, as it is after their checkpoints were read: an event behind a checkpoint has
    /// either taken effect, or its account is filed here.
    /// </summary>
    public async Task<IReadOnlyList<HeldRow>> HeldAsync(ViewPointer at, string view, IEnumerable<int> partitions, CancellationToken cancellation)
    {
        var keys = partitions.Distinct().SelectMany(partition =>
            Enumerable.Range(0, HeldListRow.Pages).Select(page => RowKeys.HeldList(at, view, partition, page)));
        var pages = await state.ReadManyAsync(Components.Views, [.. keys], cancellation);
        var accounts = pages.Values.SelectMany(page => Parse(page, ContractsJson.Default.HeldListRow)!.Accounts).Distinct().ToList();
        if (accounts.Count == 0)
        {
            return [];
        }

        var rows = await state.ReadManyAsync(Components.Views, [.. accounts.Select(account => RowKeys.Held(at, view, account))], cancellation);
        return [.. rows.Values.Select(row => Parse(row, ContractsJson.Default.HeldRow)!).Where(row => row.State != HeldStates.Released)];
    }

    /// <summary>Of these accounts, those that are known to be another user's.</summary>
    public async Task<IReadOnlySet<string>> OfOthersAsync(IReadOnlyCollection<string> accounts, long user, CancellationToken cancellation)
    {
        if (await PointerAsync(Views.Account) is not { } at)
        {
            return new HashSet<string>();
        }

        var rows = await state.ReadManyAsync(Components.Views, [.. accounts.Select(account => RowKeys.Account(at, account))], cancellation);
        return rows.Values.Select(row => Parse(row, ContractsJson.Default.AccountRow)!.Account)
            .Where(account => account.UserId != user).Select(account => account.AccountNumber).ToHashSet();
    }

    /// <summary>How many partitions the log has: a view has a checkpoint in each before there is a pointer to it.</summary>
    public async Task<int> PartitionsAsync(ViewPointer at, string view, CancellationToken cancellation)
    {
        if (_partitions.TryGetValue(at.LogId, out var known))
        {
            return known;
        }

        var partitions = 0;
        IReadOnlyList<long?> found;
        do
        {
            found = await CheckpointsAsync(at, view, [.. Enumerable.Range(partitions, PartitionsTogether)], cancellation);
            partitions += found.TakeWhile(checkpoint => checkpoint is not null).Count();
        }
        while (found[^1] is not null);

        // A log never changes it.
        return _partitions[at.LogId] = partitions;
    }

    /// <summary>How far a function of this generation has come, by partition; null for a partition that there is not.</summary>
    public async Task<IReadOnlyList<long?>> CheckpointsAsync(ViewPointer at, string function, IReadOnlyList<int> partitions, CancellationToken cancellation)
    {
        var keys = partitions.Select(partition => RowKeys.Checkpoint(at, function, partition)).ToList();
        var rows = await state.ReadManyAsync(Components.Views, [.. keys.Distinct()], cancellation);
        return [.. keys.Select(key => rows.TryGetValue(key, out var row) ? Parse(row, ContractsJson.Default.CheckpointRow)!.Position : (long?)null)];
    }

    /// <summary>Reads a pointer, known or not; throws when the views cannot be read.</summary>
    public Task AskAsync(CancellationToken cancellation) => state.ReadAsync(Components.Views, RowKeys.PointerTo(Views.Account), cancellation);

    /// <summary>
    /// Where the rows of a view are, as it was within the last second; null when there is no such view (yet). While another
    /// generation is about to take over, or just has, as it is: a query that begins after another one has seen the new rows
    /// sees them too.
    /// </summary>
    public async Task<ViewPointer?> PointerAsync(string view)
    {
        var changing = _pointers.TryGetValue(view, out var cached) && cached.Changing;
        if (changing || cached is null || time.GetElapsedTime(cached.ReadAt) >= PointerLasts || cached.Pointer.IsFaulted)
        {
            // Shared by all requests of a second, unless somebody must be sure; so no single request can cancel it.
            _pointers[view] = cached = new Known(time.GetTimestamp(), ReadPointerAsync(view), changing);
        }

        var pointer = await cached.Pointer;
        if (pointer is null)
        {
            // Not kept: the first rows of a new system are to be seen at once.
            _pointers.TryRemove(new(view, cached));
            return null;
        }

        if ((pointer.Changing ?? false) != cached.Changing)
        {
            _pointers.TryUpdate(view, cached with { Changing = pointer.Changing ?? false }, cached);
        }

        return new ViewPointer(pointer.LogId, pointer.Generation);
    }

    private async Task<PointerRow?> ReadPointerAsync(string view) =>
        Parse(await state.ReadAsync(Components.Views, RowKeys.PointerTo(view), CancellationToken.None), ContractsJson.Default.PointerRow);

    private static T? Parse<T>(ReadOnlyMemory<byte>? json, JsonTypeInfo<T> type)
        where T : class => json is { } bytes ? JsonSerializer.Deserialize(bytes.Span, type) : null;

    /// <param name="Changing">The next one who asks reads for himself.</param>
    private sealed record Known(long ReadAt, Task<PointerRow?> Pointer, bool Changing);
}
