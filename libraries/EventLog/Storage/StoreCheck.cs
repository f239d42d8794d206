using System.Text;

namespace EventLog;

/// <summary>
/// The check of a state store at first use, on scratch keys: whether it keeps what the guarantees rest on. Everything else
/// a store may do as it likes.
/// </summary>
public static class StoreCheck
{
    private const int Racers = 32;
    private const int Transactions = 12;

    /// <summary>Tries the store.</summary>
    /// <param name="store">The store.</param>
    /// <param name="scratch">A random name for the scratch keys.</param>
    /// <param name="cancellation">Ends the check.</param>
    /// <returns>What the store can do beyond what is needed.</returns>
    /// <exception cref="LogRefusedException">The store does not keep its word; the message names what failed.</exception>
    public static async Task<StoreAbilities> RunAsync(IStateStore store, string scratch, CancellationToken cancellation)
    {
        var key = $"check.{scratch}";
        await OneOfManyCreatesWins(store, key, cancellation);
        await StaleETagIsRefused(store, key, cancellation);
        return new StoreAbilities(await TransactionHonoursCreate(store, $"{key}.tx", cancellation));
    }

    private static async Task OneOfManyCreatesWins(IStateStore store, string key, CancellationToken cancellation)
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
        var kept = await ReadAsync(store, key, cancellation);
        if (winners.Length > 1)
        {
            throw Refused(store, $"{winners.Length} of {Racers} creates of one key were accepted; only one may be");
        }

        if (winners.Length == 1 && kept != $"racer {winners[0]}")
        {
            throw Refused(store, "an accepted create was overwritten by one that was refused");
        }

        if (kept is null)
        {
            // None was accepted and nothing is there: the store is away rather than wrong.
            throw new IOException($"Component '{store.Name}' accepted no write.");
        }
    }

    private static async Task StaleETagIsRefused(IStateStore store, string key, CancellationToken cancellation)
    {
        var first = await store.ReadAsync(key, cancellation) ?? throw Refused(store, "a key that was written is gone");
        if (first.Expires)
        {
            throw Refused(store, "it gives keys an expiry that nobody asked for");
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

        if (await ReadAsync(store, key, cancellation) != "second")
        {
            throw Refused(store, "a write with a stale ETag was accepted");
        }
    }

    /// <summary>
    /// True when no transaction ever creates a key that a transaction made. (Redis refuses one for a key that a single
    /// first-write made, and overwrites it when it was made in a transaction.) A transaction that fails for another reason
    /// proves nothing, and a wrong yes would cost a snapshot, hence the many tries.
    /// </summary>
    private static async Task<bool> TransactionHonoursCreate(IStateStore store, string key, CancellationToken cancellation)
    {
        for (var tries = 0; tries <= Transactions; tries++)
        {
            try
            {
                await store.TransactAsync([new StateWrite(key, Value($"try {tries}"), WriteCondition.Missing)], cancellation);
                if (tries > 0)
                {
                    return false;
                }

                if (await ReadAsync(store, key, cancellation) is null)
                {
                    throw Refused(store, "what a transaction wrote is not found again (where transactions stay within one partition key, set State__Transactions=false)");
                }
            }
            catch (Exception) when (!cancellation.IsCancellationRequested)
            {
                if (tries == 0)
                {
                    throw;
                }
            }
        }

        return await ReadAsync(store, key, cancellation) == "try 0";
    }

    private static async Task<string?> ReadAsync(IStateStore store, string key, CancellationToken cancellation) =>
        await store.ReadAsync(key, cancellation) is { } stored ? Encoding.UTF8.GetString(stored.Value.Span) : null;

    // A JSON string, because a store may look into values that are sent as JSON.
    private static byte[] Value(string text) => Encoding.UTF8.GetBytes(text);

    private static LogRefusedException Refused(IStateStore store, string what) => new(
        $"State store component '{store.Name}' cannot hold the log or its views: {what}. "
        + "Use another store or another setting of it; docs/components.md lists which are known to keep their word.");
}

/// <summary>What a store can do beyond what every store must.</summary>
/// <param name="TransactionsHonourCreates">
/// A transaction refuses to create a key that exists. Where it does not (Redis), such keys are created one at a time.
/// </param>
public sealed record StoreAbilities(bool TransactionsHonourCreates);
