using System.Text.Json;
using Accounts.Contracts;
using ServiceDefaults;

namespace Accounts.Query;

/// <summary>
/// The events of accounts, each with the account after it. The history has its own pace: its end is where its rows end.
/// Whatever is looked for is found in a few reads, however long an account's history is.
/// </summary>
internal sealed class HistoryRows(StateReader state, ViewRows views)
{
    private const int RowsPerRead = 200;
    private const int Fan = 32;

    // Most accounts have few events, so the first look shows all of those.
    private static readonly long[] FirstLook = [1, 2, 3, 4, 5, 6, 7, 8, .. Powers(4, 16)];
    private static readonly long[] SecondLook = [.. Powers(17, 52)];

    /// <summary>One event; null when it is not there (yet).</summary>
    public async Task<AccountEventBody?> FindAsync(string number, long version, CancellationToken cancellation) =>
        await views.PointerAsync(Views.History) is { } at && (await ReadAsync(at, number, [version], cancellation)).TryGetValue(version, out var item) ? item : null;

    /// <summary>
    /// The last event for which something holds; null when there is none. What holds for an event must hold for all before it.
    /// </summary>
    public async Task<AccountEventBody?> LastAsync(string number, Func<AccountEventBody, bool> holds, CancellationToken cancellation)
    {
        if (await views.PointerAsync(Views.History) is not { } at)
        {
            return null;
        }

        AccountEventBody? last = null;
        var (low, high) = (0L, long.MaxValue);
        for (var look = FirstLook; look.Length > 0; look = Between(low, high))
        {
            var found = await ReadAsync(at, number, look, cancellation);
            foreach (var version in look)
            {
                if (!found.TryGetValue(version, out var item) || !holds(item))
                {
                    high = version;
                    break;
                }

                (low, last) = (version, item);
            }
        }

        return last;
    }

    /// <summary>The events from one version to another, both inclusive, as far as they are there without a gap.</summary>
    public async Task<IReadOnlyList<AccountEventBody>> RangeAsync(string number, long from, long to, CancellationToken cancellation)
    {
        var events = new List<AccountEventBody>();
        if (await views.PointerAsync(Views.History) is not { } at)
        {
            return events;
        }

        // Most histories are short: a small read first, the rest only when all of that was there.
        for (var size = 20; from <= to; size = RowsPerRead)
        {
            var versions = Enumerable.Range(0, (int)Math.Min(size, to - from + 1)).Select(i => from + i).ToList();
            var found = await ReadAsync(at, number, versions, cancellation);
            foreach (var version in versions)
            {
                if (!found.TryGetValue(version, out var item))
                {
                    return events;
                }

                events.Add(item);
            }

            from += versions.Count;
        }

        return events;
    }

    private async Task<Dictionary<long, AccountEventBody>> ReadAsync(ViewPointer at, string number, IReadOnlyList<long> versions, CancellationToken cancellation)
    {
        var keys = versions.Select(version => RowKeys.History(at, number, version)).ToList();
        var rows = await state.ReadManyAsync(Components.Views, keys, cancellation);
        return versions.Zip(keys).Where(pair => rows.ContainsKey(pair.Second))
            .ToDictionary(pair => pair.First, pair => JsonSerializer.Deserialize(rows[pair.Second].Span, ContractsJson.Default.AccountEventBody)!);
    }

    // Versions evenly between two, both exclusive: each look leaves a thirty-third of what is left.
    private static long[] Between(long low, long high) =>
        high == long.MaxValue ? low == FirstLook[^1] ? SecondLook : []
        : high - low <= Fan + 1 ? [.. Enumerable.Range(1, (int)(high - low - 1)).Select(i => low + i)]
        : [.. Enumerable.Range(1, Fan).Select(i => low + ((high - low) * i / (Fan + 1)))];

    private static IEnumerable<long> Powers(int from, int to) => Enumerable.Range(from, to - from + 1).Select(power => 1L << power);
}
