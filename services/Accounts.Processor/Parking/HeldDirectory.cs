using System.Text.Json;
using Accounts.Contracts;
using EventLog;

namespace Accounts.Processor.Parking;

/// <summary>
/// Which accounts a function holds back in a partition, in a fixed number of rows, because state stores cannot list keys. A
/// function that fails for more accounts than fit is broken itself: it stops, rather than park the world.
/// </summary>
internal sealed class HeldDirectory(ViewPointer at, string function, int partition, IStateStore views)
{
    public const int AccountsPerPage = 100;

    private (HeldListRow Page, string? ETag)[] _pages = [];

    public static IEnumerable<string> Keys(ViewPointer at, string function, int partition) =>
        Enumerable.Range(0, HeldListRow.Pages).Select(page => RowKeys.HeldList(at, function, partition, page));

    public static HeldListRow Parse(StoredValue stored) => JsonSerializer.Deserialize(stored.Value.Span, ContractsJson.Default.HeldListRow)!;

    public async Task<IReadOnlyList<string>> ReadAsync(CancellationToken cancellation)
    {
        string[] keys = [.. Keys(at, function, partition)];
        var found = await views.ReadManyAsync(keys, cancellation);
        _pages = [.. keys.Select(key => found.TryGetValue(key, out var stored) ? (Parse(stored), (string?)stored.ETag) : (new HeldListRow([]), null))];
        return [.. _pages.SelectMany(page => page.Page.Accounts).Distinct()];
    }

    /// <summary>Adds and removes accounts; throws when the store does, or when a rival was faster: read and try again.</summary>
    public async Task ChangeAsync(IReadOnlyCollection<string> add, IReadOnlyCollection<string> remove, CancellationToken cancellation)
    {
        await ReadAsync(cancellation);
        var missing = new Queue<string>(add.Except(_pages.SelectMany(page => page.Page.Accounts)));
        foreach (var (key, (page, etag)) in Keys(at, function, partition).Zip(_pages))
        {
            var accounts = page.Accounts.Where(account => !remove.Contains(account)).ToList();
            var changed = accounts.Count < page.Accounts.Count;
            for (; accounts.Count < AccountsPerPage && missing.TryDequeue(out var account); changed = true)
            {
                accounts.Add(account);
            }

            if (changed)
            {
                var json = JsonSerializer.SerializeToUtf8Bytes(new HeldListRow(accounts), ContractsJson.Default.HeldListRow);
                await views.PutAsync(key, json, etag, cancellation);
            }
        }

        if (missing.Count > 0)
        {
            throw new TooManyHeldException(function, partition);
        }
    }
}

internal sealed class TooManyHeldException(string function, int partition)
    : Exception($"Function {function} fails for more than {HeldListRow.Pages * HeldDirectory.AccountsPerPage} accounts of partition {partition}: it stops there, because the fault is its own.");
