using System.Text.Json;
using Accounts.Contracts;
using ServiceDefaults;

namespace Accounts.Query;

/// <summary>
/// The events of accounts, each with the account after it. The history has its own pace: its end is where its rows end.
/// Whatever is looked for is found in a few reads, however long an account's history is. Where rows end because the view could
/// not take the next event, that is no end: then <see cref="HeldAccount"/> is thrown.
/// </summary>
internal sealed class HistoryRows(StateReader state, ViewRows views)
{
    private const int RowsPerRead = 200;
    private const int Fan = 32;

    // Most accounts have few events, so the first look shows all of those.
    private static readonly long[] FirstLook = [1, 2, 3, 4, 5, 6, 7, 8, .. Powers(4, 16)];
    private static readonly long[] SecondLook = [.. Powers(17, 52)];

    /// <summary>One event; null when it is not there (yet).</summary>
    public async Task<AccountEventBody?> FindAsync(string number, long version, CancellationToken cancellation)
    {
        if (await views.PointerAsync(Views.History) is not { } at)
        {
            return null;
        }

        var (found, held) = await ReadAsync(at, number, [version], cancellation);
        return found.TryGetValue(version, out var item) ? item : held?.State == HeldStates.Parked ? throw new HeldAccount() : null;
    }

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
        var isHeld = false;
        for (var look = FirstLook; look.Length > 0; look = Between(low, high))
        {
            var (found, held) = await ReadAsync(at, number, look, cancellation);
            foreach (var version in look)
            {
                var isThere = found.TryGetValue(version, out var item);
                if (!isThere || !holds(item!))
                {
                    (high, isHeld) = (version, !isThere && held?.State == HeldStates.Parked);
                    break;
                }

                (low, last) = (version, item);
            }
        }

        // What is held may be what is looked for.
        return isHeld ? throw new HeldAccount() : last;
    }

    /// <summary>The events from one version to another, both inclusive, as far as they are there without a gap.</summary>
    public async Task<IReadOnlyList<AccountEventBody>> RangeAsync(string number, long from, long to, CancellationToken cancellation)
    {
        var (events, held) = await StretchAsync(number, from, to, cancellation);
        return from + events.Count <= to && held?.State == HeldStates.Parked ? throw new HeldAccount() : events;
    }

    /// <summary>The same, and, where it ends before that, what the view holds back of the account, if anything.</summary>
    public async Task<(IReadOnlyList<AccountEventBody> Events, HeldRow? Held)> StretchAsync(string number, long from, long to, CancellationToken cancellation)
    {
        var events = new List<AccountEventBody>();
        if (await views.PointerAsync(Views.History) is not { } at)
        {
            return (events, null);
        }

        // Most histories are short: a small read first, the rest only when all of that was there.
        for (var size = 20; from <= to; size = RowsPerRead)
        {
            var versions = Enumerable.Range(0, (int)Math.Min(size, to - from + 1)).Select(i => from + i).ToList();
            var (found, held) = await ReadAsync(at, number, versions, cancellation);
            foreach (var version in versions)
            {
                if (!found.TryGetValue(version, out var item))
                {
                    return (events, held);
                }

                events.Add(item);
            }

            from += versions.Count;
        }

        return (events, null);
    }

    private async Task<(Dictionary<long, AccountEventBody> Found, HeldRow? Held)> ReadAsync(
        ViewPointer at, string number, IReadOnlyList<long> versions, CancellationToken cancellation)
    {
        var keys = versions.Select(version => RowKeys.History(at, number, version)).ToList();
        var held = RowKeys.Held(at, Views.History, number);
        var rows = await state.ReadManyAsync(Components.Views, [.. keys, held], cancellation);
        var found = versions.Zip(keys).Where(pair => rows.ContainsKey(pair.Second))
            .ToDictionary(pair => pair.First, pair => JsonSerializer.Deserialize(rows[pair.Second].Span, ContractsJson.Default.AccountEventBody)!);
        var row = rows.TryGetValue(held, out var json) ? JsonSerializer.Deserialize(json.Span, ContractsJson.Default.HeldRow) : null;
        return (found, row is { State: HeldStates.Released } ? null : row);
    }

    // Versions evenly between two, both exclusive: each look leaves a thirty-third of what is left.
    private static long[] Between(long low, long high) =>
        high == long.MaxValue ? low == FirstLook[^1] ? SecondLook : []
        : high - low <= Fan + 1 ? [.. Enumerable.Range(1, (int)(high - low - 1)).Select(i => low + i)]
        : [.. Enumerable.Range(1, Fan).Select(i => low + ((high - low) * i / (Fan + 1)))];

    private static IEnumerable<long> Powers(int from, int to) => Enumerable.Range(from, to - from + 1).Select(power => 1L << power);
}
