namespace EventLog;

/// <summary>What is made of the two conditional writes of <see cref="IStateStore"/>.</summary>
public static class StateStoreWrites
{
    /// <summary>Writes over what was read: creates the key where nothing was, else replaces it.</summary>
    /// <param name="store">The store.</param>
    /// <param name="key">The key.</param>
    /// <param name="value">The new value.</param>
    /// <param name="etag">The ETag of what was read; null: the key was missing.</param>
    /// <param name="cancellation">Gives up.</param>
    public static Task PutAsync(this IStateStore store, string key, ReadOnlyMemory<byte> value, string? etag, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(store);
        return etag is null ? store.CreateAsync(key, value, cancellation) : store.ReplaceAsync(key, value, etag, cancellation);
    }

    /// <summary>
    /// Creates the key unless it is there. Whoever creates it first has decided, and an answer that was lost does no harm: the key
    /// is read, and tells.
    /// </summary>
    /// <returns>What is there instead; null when the value was written.</returns>
    public static async Task<StoredValue?> CreateUnlessThereAsync(
        this IStateStore store, string key, ReadOnlyMemory<byte> value, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(store);
        try
        {
            await store.CreateAsync(key, value, cancellation);
            return null;
        }
        catch (Exception) when (!cancellation.IsCancellationRequested)
        {
            if (await store.ReadAsync(key, cancellation) is { } there)
            {
                return there;
            }

            throw;
        }
    }
}
