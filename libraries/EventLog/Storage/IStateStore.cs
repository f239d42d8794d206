namespace EventLog;

/// <summary>
/// What the log and the views ask of a state store component. There are two: <see cref="DaprStateStore"/>, and the
/// simulated one of the tests, whose failures are chosen by a seed.
/// <para>
/// A write that throws may have happened, may not, and may happen later: whoever needs to know reads the key. No caller
/// decides by the kind of error.
/// </para>
/// </summary>
public interface IStateStore
{
    /// <summary>The component's name.</summary>
    string Name { get; }

    /// <summary>What kind of store the component is, for people: its type, as <c>state.redis/v1</c>. Null when that cannot be found out.</summary>
    Task<string?> DescribeAsync(CancellationToken cancellation);

    /// <summary>Reads one key with strong consistency; null when it is missing.</summary>
    Task<StoredValue?> ReadAsync(string key, CancellationToken cancellation);

    /// <summary>
    /// Reads many keys with strong consistency. Missing keys are absent from the answer; a key that could not be read is
    /// an error, never a missing key.
    /// </summary>
    Task<IReadOnlyDictionary<string, StoredValue>> ReadManyAsync(IReadOnlyList<string> keys, CancellationToken cancellation);

    /// <summary>
    /// Writes a key that must not exist (first-write, no ETag). Here as in the other writes the value is not copied: it must stay
    /// as it is until the outcome is known.
    /// </summary>
    Task CreateAsync(string key, ReadOnlyMemory<byte> value, CancellationToken cancellation);

    /// <summary>Replaces the value that was read with this ETag (first-write).</summary>
    Task ReplaceAsync(string key, ReadOnlyMemory<byte> value, string etag, CancellationToken cancellation);

    /// <summary>
    /// Several writes in one transaction. Some stores neither roll back nor honour creates there
    /// (<see cref="StoreCheck"/> finds out): nothing may depend on more than "all of it if it did not throw".
    /// </summary>
    Task TransactAsync(IReadOnlyList<StateWrite> writes, CancellationToken cancellation);

    /// <summary>
    /// Deletes a key, whether it exists or not. For scratch keys only: what the log and the views have once written is never
    /// deleted.
    /// </summary>
    Task DeleteAsync(string key, CancellationToken cancellation);
}

/// <summary>A value and the ETag that it was read with.</summary>
/// <param name="Value">The bytes.</param>
/// <param name="ETag">The ETag.</param>
/// <param name="Expires">The store will forget the key by itself. Told by single reads only.</param>
public readonly record struct StoredValue(ReadOnlyMemory<byte> Value, string ETag, bool Expires = false);

/// <summary>One write of a transaction.</summary>
/// <param name="Key">The key.</param>
/// <param name="Value">The new value.</param>
/// <param name="Condition">When it may be written.</param>
/// <param name="ETag">The ETag, for <see cref="WriteCondition.Unchanged"/>.</param>
public readonly record struct StateWrite(string Key, ReadOnlyMemory<byte> Value, WriteCondition Condition, string? ETag = null);

/// <summary>When a write may happen.</summary>
public enum WriteCondition
{
    /// <summary>Always: for rows that never change, and so may be written twice.</summary>
    Always,

    /// <summary>Only when the key does not exist.</summary>
    Missing,

    /// <summary>Only when the key still has the ETag.</summary>
    Unchanged,
}
