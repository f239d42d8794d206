using System.Globalization;
using System.Text.Json;
using Accounts.Contracts;
using Accounts.Processor.Functions;
using Accounts.Processor.Operations;
using EventLog;

namespace Accounts.Processor.Parking;

/// <summary>What is parked, by function, generation and account number, and what operators want to become of it.</summary>
internal static class ParkedEvents
{
    private const string First = "";

    /// <summary>A page after the given place, and the place of its last item when there are more.</summary>
    public static async Task<(IReadOnlyList<ParkedBody> Items, string? Next)> ListAsync(
        Operator at, string? function, string? after, int limit, CancellationToken cancellation)
    {
        var items = new List<ParkedBody>();
        var begin = after ?? First;
        foreach (var (name, pointer) in await FilingsAsync(at, function, cancellation))
        {
            var filing = $"{name}.{pointer.Generation}.";
            if (string.CompareOrdinal(filing + '\uffff', begin) < 0)
            {
                continue;
            }

            var keys = Enumerable.Range(0, at.Log.Partitions).SelectMany(partition => HeldDirectory.Keys(pointer, name, partition)).ToList();
            var pages = await at.Views.ReadManyAsync(keys, cancellation);
            var accounts = pages.Values.SelectMany(page => HeldDirectory.Parse(page).Accounts).Distinct()
                .Where(account => string.CompareOrdinal(filing + account, begin) > 0).Order(StringComparer.Ordinal);
            var rows = new HeldRows(pointer, name, at.Views);
            foreach (var portion in accounts.Chunk(limit + 1))
            {
                var found = (await rows.ReadAsync(portion, cancellation)).ToDictionary(row => row.Account);
                items.AddRange(portion.Select(account => found.GetValueOrDefault(account)).OfType<HeldRow>()
                    .Where(row => row.State != HeldStates.Released).Select(row => ParkedBody.Of(name, pointer.Generation, row)));
                if (items.Count > limit)
                {
                    var last = items[limit - 1];
                    return (items[..limit], $"{last.Function}.{last.Generation}.{last.AccountNumber}");
                }
            }
        }

        return (items, null);
    }

    /// <summary>The parked event with this id, or null.</summary>
    public static async Task<ParkedBody?> FindAsync(Operator at, string id, CancellationToken cancellation) =>
        Parse(at, id) is var (function, pointer, account, version)
        && await new HeldRows(pointer, function.Name, at.Views).ReadAsync(account, cancellation) is ({ } row, _)
        && Is(row, version)
            ? ParkedBody.Of(function.Name, pointer.Generation, row)
            : null;

    /// <summary>Notes what is to become of a parked event; false when it is parked no longer.</summary>
    public static async Task<bool> WishAsync(Operator at, string id, string wish, CancellationToken cancellation)
    {
        var (function, pointer, account, version) = Parse(at, id)!.Value;
        var rows = new HeldRows(pointer, function.Name, at.Views);
        if (await rows.ReadAsync(account, cancellation) is not ({ } row, { } etag) || !Is(row, version))
        {
            return false;
        }

        if (row.Wish != wish)
        {
            await rows.WriteAsync(row with { Wish = wish }, etag, cancellation);
        }

        return await at.Controls.ChangeAsync(function.Name, controls => controls with { Attention = controls.Attention + 1 }, cancellation);
    }

    public static Function? FunctionOf(string id) => Operator.Find(id.Split('.')[0]);

    /// <summary>Whether a text is a place in the list, as <see cref="ListAsync"/> returns it.</summary>
    public static bool IsPlace(string text) =>
        text.Split('.') is [var name, var generation, var account]
        && Operator.Find(name) is not null && IsGeneration(generation) && AccountNumbers.IsValid(account);

    private static bool IsGeneration(string text) => text.Length is > 0 and < 20 && text.All(char.IsAsciiLetterOrDigit);

    private static bool Is(HeldRow row, long version) => row.State != HeldStates.Released && row.Version == version;

    private static (Function Function, ViewPointer Pointer, string Account, long Version)? Parse(Operator at, string id) =>
        id.Split('.') is [var name, var generation, var account, var text]
        && Operator.Find(name) is { } function
        && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var version)
        && AccountNumbers.IsValid(account)
        && IsGeneration(generation)
            ? (function, new ViewPointer(at.Log.Id, generation), account, version)
            : null;

    /// <summary>Where each function's rows are, in the order of the list.</summary>
    private static async Task<IEnumerable<(string Function, ViewPointer Pointer)>> FilingsAsync(Operator at, string? function, CancellationToken cancellation) =>
        (await at.Controls.ReadAsync([.. FunctionList.All.Where(one => function is null || one.Name == function)], cancellation))
            .SelectMany(control => control.Value.Row.Generations.Select(generation => (control.Key, new ViewPointer(at.Log.Id, generation.Id))))
            .OrderBy(filing => $"{filing.Key}.{filing.Item2.Generation}.", StringComparer.Ordinal);
}
