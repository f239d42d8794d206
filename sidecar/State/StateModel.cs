namespace Sidecar.State;

/// <summary>One upsert or delete. The key already carries its prefix.</summary>
internal sealed record StateWrite(string Key, ReadOnlyMemory<byte> Value)
{
    public bool IsDelete { get; init; }

    /// <summary>Null or empty: none was given.</summary>
    public string? ETag { get; init; }

    public Concurrency Concurrency { get; init; }

    /// <summary>How long the row lives; null: for ever.</summary>
    public TimeSpan? Ttl { get; init; }

    public bool HasETag => !string.IsNullOrEmpty(ETag);

    /// <summary>First-write without an ETag: the key must not exist.</summary>
    public bool CreateOnly => Concurrency == Concurrency.FirstWrite && !HasETag;
}

internal enum Concurrency
{
    Unspecified,
    FirstWrite,
    LastWrite,
}

/// <summary>A row as it is stored, under the key as it is stored.</summary>
internal sealed record StateRow(string Key, ReadOnlyMemory<byte> Value, string ETag, DateTimeOffset? Expires)
{
    /// <summary>The metadata that reads answer with.</summary>
    public IReadOnlyDictionary<string, string> Metadata => Expires is { } expires
        ? new Dictionary<string, string>
        {
            ["ttlExpireTime"] = expires.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture),
        }
        : new Dictionary<string, string>();
}

/// <summary>Why a store refused a write.</summary>
/// <param name="Text">What the store says of its own accord; may be empty for the ETag kinds.</param>
internal sealed record StateFailure(FailureKind Kind, string Text = "")
{
    /// <summary>The text as Dapr shows it.</summary>
    public string Message
    {
        get
        {
            var prefix = Kind switch
            {
                FailureKind.ETagMismatch => "possible etag mismatch. error from state store",
                FailureKind.ETagInvalid => "invalid etag value",
                _ => "",
            };
            return prefix.Length == 0 ? Text : Text.Length == 0 ? prefix : $"{prefix}: {Text}";
        }
    }
}

internal enum FailureKind
{
    /// <summary>gRPC Aborted, HTTP 409.</summary>
    ETagMismatch,

    /// <summary>gRPC InvalidArgument, HTTP 400.</summary>
    ETagInvalid,

    /// <summary>gRPC Internal, HTTP 500.</summary>
    Other,
}

/// <summary>The store could not do its work: a full disk, an unreadable file.</summary>
/// <param name="timedOut">Not the store says so, but a policy's time-out.</param>
internal sealed class StoreException(string message, bool timedOut = false) : Exception(message)
{
    public bool TimedOut => timedOut;
}

/// <summary>Where the rows of a state component are. Implementations are safe for any number of callers at once.</summary>
internal interface IStateStore
{
    /// <summary>The row, or null when there is none or it has expired.</summary>
    /// <exception cref="StoreException"/>
    ValueTask<StateRow?> GetAsync(string key, CancellationToken cancellation);

    /// <summary>
    /// Several rows; a missing key comes with a null row. Order and number of the answers are those of Dapr's store: SQL
    /// stores answer what they found in key order, then what is missing, each once; others answer every key that was asked for.
    /// </summary>
    /// <exception cref="StoreException"/>
    ValueTask<IReadOnlyList<KeyValuePair<string, StateRow?>>> GetManyAsync(IReadOnlyList<string> keys, CancellationToken cancellation);

    /// <summary>Runs one write, or several as a transaction, and ends when the result is on disk.</summary>
    /// <returns>Null, or why nothing was written (Redis: why a part was not written).</returns>
    Task<StateFailure?> WriteAsync(IReadOnlyList<StateWrite> writes, bool transaction);
}
