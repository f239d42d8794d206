using System.Text;

namespace EventLog;

/// <summary>
/// The check of a state store at first use, on scratch keys that it deletes again: whether it keeps what the guarantees rest
/// on. Everything else a store may do as it likes.
/// </summary>
public static class StoreCheck
{
    private const int Racers = 32;
    private const int Transactions = 12;
    private const int BulkReads = 4;

    /// <summary>Tries the store.</summary>
    /// <param name="store">The store.</param>
    /// <param name="scratch">A random name for the scratch keys.</param>
    /// <param name="cancellation">Ends the check.</param>
    /// <returns>What the store can do beyond what is needed.</returns>
    /// <exception cref="LogRefusedException">The store does not keep its word; the message names component, type and what failed.</exception>
    public static async Task<StoreAbilities> RunAsync(IStateStore store, string scratch, CancellationToken cancellation)
    {
        var (single, together) = ($"check.{scratch}", $"check.{scratch}.tx");
        try
        {
            if (await FirstComplaintAsync(store, single, together, cancellation) is { } complaint)
            {
                throw new LogRefusedException(
                    $"State store component '{store.Name}' ({await TypeAsync(store, cancellation)}) cannot hold the log or its views: {complaint}. "
                    + "Use another store or another setting of it; docs/components.md lists which are known to keep their word.");
            }

            return new StoreAbilities(await TransactionsHonourCreatesAsync(store, together, cancellation));
        }
        finally
        {
            await DeleteAsync(store, single, cancellation);
            await DeleteAsync(store, together, cancellation);
        }
    }

    private static async Task<string?> FirstComplaintAsync(IStateStore store, string single, string together, CancellationToken cancellation) =>
        await OneOfManyCreatesWinsAsync(store, single, cancellation)
        ?? await AStaleETagIsRefusedAsync(store, single, cancellation)
        ?? await ABulkReadSeesTheNewestAsync(store, single, cancellation)
        ?? await WhatATransactionWroteIsFoundAsync(store, together, cancellation);

    private static async Task<string?> OneOfManyCreatesWinsAsync(IStateStore store, string key, CancellationToken cancellation)
    {
        var won = await Task.WhenAll(Enumerable.Range(0, Racers).Select(async racer =>
        {
            try
            {
                await store.CreateAsync(key, Value($"racer {racer}"), cancellation);
                return racer;
            }
            catch (Exception) when (!cancellation.IsCancellationRequested)
            {
                return -1;
            }
        }));
        var winners = won.Where(racer => racer >= 0).ToArray();
        return await store.ReadAsync(key, cancellation) switch
        {
            // None was accepted and nothing is there: the store is away rather than wrong.
            null when winners.Length == 0 => throw new IOException($"Component '{store.Name}' accepted no write."),
            null => "a key that was written is gone",
            { Expires: true } => "it gives keys an expiry that nobody asked for",
            _ when winners.Length > 1 => $"{winners.Length} of {Racers} creates of one key were accepted; only one may be",
            { } kept when winners.Length == 1 && Text(kept) != $"racer {winners[0]}" => "an accepted create was overwritten by one that was refused",
            _ => null,
        };
    }

    private static async Task<string?> AStaleETagIsRefusedAsync(IStateStore store, string key, CancellationToken cancellation)
    {
        if (await store.ReadAsync(key, cancellation) is not { } first)
        {
            return "a key that was written is gone";
        }

        await store.ReplaceAsync(key, Value("second"), first.ETag, cancellation);
        try
        {
            await store.ReplaceAsync(key, Value("third"), first.ETag, cancellation);
        }
        catch (Exception) when (!cancellation.IsCancellationRequested)
        {
            // As it should be; what counts is what is there afterwards.
        }

        return await store.ReadAsync(key, cancellation) is { } kept && Text(kept) == "second" ? null : "a write with a stale ETag was accepted";
    }

    /// <summary>An old snapshot taken for the newest would fork an account; a few tries find only a store that is often late.</summary>
    private static async Task<string?> ABulkReadSeesTheNewestAsync(IStateStore store, string key, CancellationToken cancellation)
    {
        for (var tries = 0; tries < BulkReads; tries++)
        {
            if (await store.ReadAsync(key, cancellation) is not { } before)
            {
                return "a key that was written is gone";
            }

            await store.ReplaceAsync(key, Value($"bulk {tries}"), before.ETag, cancellation);
            var found = await store.ReadManyAsync([key, $"{key}.absent"], cancellation);
            if (found.Count != 1 || !found.TryGetValue(key, out var read) || Text(read) != $"bulk {tries}")
            {
                return "a bulk read answers from the past (set State__BulkReads=false)";
            }
        }

        return null;
    }

    private static async Task<string?> WhatATransactionWroteIsFoundAsync(IStateStore store, string key, CancellationToken cancellation)
    {
        await store.TransactAsync([new StateWrite(key, Value("first"), WriteCondition.Missing)], cancellation);
        return await store.ReadAsync(key, cancellation) is null
            ? "what a transaction wrote is not found again (where transactions stay within one partition key, set State__Transactions=false)"
            : null;
    }

    /// <summary>
    /// True when no transaction ever creates a key that a transaction made. (Redis refuses one for a key that a single
    /// first-write made, and overwrites it when it was made in a transaction.) A transaction that fails for another reason
    /// proves nothing, and a wrong yes would cost a snapshot, hence the many tries.
    /// </summary>
    private static async Task<bool> TransactionsHonourCreatesAsync(IStateStore store, string key, CancellationToken cancellation)
    {
        for (var tries = 0; tries < Transactions; tries++)
        {
            try
            {
                await store.TransactAsync([new StateWrite(key, Value($"try {tries}"), WriteCondition.Missing)], cancellation);
                return false;
            }
            catch (Exception) when (!cancellation.IsCancellationRequested)
            {
                // Refused, as hoped.
            }
        }

        return await store.ReadAsync(key, cancellation) is { } kept && Text(kept) == "first";
    }

    private static async Task<string> TypeAsync(IStateStore store, CancellationToken cancellation)
    {
        try
        {
            return await store.DescribeAsync(cancellation) ?? "of unknown type";
        }
        catch (Exception) when (!cancellation.IsCancellationRequested)
        {
            return "of unknown type";
        }
    }

    private static async Task DeleteAsync(IStateStore store, string key, CancellationToken cancellation)
    {
        try
        {
            await store.DeleteAsync(key, cancellation);
        }
        catch (Exception)
        {
            // It stays, and harms nobody: its name is never used again.
        }
    }

    private static string Text(StoredValue stored) => Encoding.UTF8.GetString(stored.Value.Span);

    private static byte[] Value(string text) => Encoding.UTF8.GetBytes(text);
}

/// <summary>What a store can do beyond what every store must.</summary>
/// <param name="TransactionsHonourCreates">
/// A transaction refuses to create a key that exists. Where it does not (Redis), such keys are created one at a time.
/// </param>
public sealed record StoreAbilities(bool TransactionsHonourCreates);
