using System.Globalization;

namespace Sidecar.State;

/// <summary>What decides about a write: whether the key exists (and has not expired), its ETag, and Redis's mark.</summary>
/// <param name="Fenced">The key was once written first-write, which Redis remembers.</param>
internal readonly record struct RowVersion(bool Exists, string ETag, bool Fenced);

/// <summary>The store whose answers are given.</summary>
internal enum Behaviour
{
    Sqlite,
    InMemory,
    PostgreSql,
    MySql,
    Redis,
}

/// <summary>
/// When a write is refused, and with which words. The rules of PostgreSQL, MySQL and Redis are an extension that Dapr does
/// not have: the metadata entry <c>behaveAs</c> puts them over SQLite or memory, so that tests meet the answers of the stores
/// that one deploys on.
/// </summary>
internal sealed class StateRules(Behaviour behaviour)
{
    /// <summary>MySQL's state table takes <c>A</c> and <c>a</c> for one key.</summary>
    public bool IgnoresCase => behaviour == Behaviour.MySql;

    /// <summary>Redis goes on after a failed operation and keeps the others.</summary>
    public bool RollsBack => behaviour != Behaviour.Redis;

    /// <summary>Stores without a bulk get of their own are asked key by key, in any order.</summary>
    public bool AnswersKeyByKey => behaviour is Behaviour.InMemory or Behaviour.Redis;

    /// <summary>The rules that a component file asks for.</summary>
    /// <returns>Null when <paramref name="name"/> is none of <c>postgresql</c>, <c>mysql</c>, <c>redis</c>.</returns>
    public static StateRules? Named(string name) => name.ToLowerInvariant() switch
    {
        "postgresql" => new StateRules(Behaviour.PostgreSql),
        "mysql" => new StateRules(Behaviour.MySql),
        "redis" => new StateRules(Behaviour.Redis),
        _ => null,
    };

    /// <summary>Null when the write may be done.</summary>
    public StateFailure? Refusal(in RowVersion row, StateWrite write, bool inTransaction) => behaviour switch
    {
        Behaviour.Redis => RefusalOfRedis(row, write, inTransaction),
        _ when behaviour == Behaviour.MySql && write.Key.Length > 255 =>
            new StateFailure(FailureKind.Other, "Error 1406 (22001): Data too long for column 'id' at row 1"),
        _ when behaviour == Behaviour.PostgreSql && !write.IsDelete && write.Value.IsEmpty =>
            new StateFailure(FailureKind.Other, "ERROR: null value in column \"value\" of relation \"state\" violates not-null constraint (SQLSTATE 23502)"),
        _ when write.HasETag => RefusalOfETag(row, write),
        _ when write.CreateOnly && !write.IsDelete && row.Exists => behaviour switch
        {
            Behaviour.PostgreSql => new StateFailure(FailureKind.Other, "no item was updated"),
            Behaviour.InMemory => new StateFailure(FailureKind.ETagMismatch, "item already exists and no etag was passed"),
            _ => Mismatch(),
        },
        _ => null,
    };

    /// <summary>The ETag after a write.</summary>
    public string NextETag(in RowVersion row) => behaviour != Behaviour.Redis ? NewUuid()
        : row.Exists ? (long.Parse(row.ETag, CultureInfo.InvariantCulture) + 1).ToString(CultureInfo.InvariantCulture)
        : "1";

    // Guid.NewGuid asks the system, which takes longer than the row: an ETag has to be another one, not a secret.
    private static string NewUuid()
    {
        Span<byte> bytes = stackalloc byte[16];
        Random.Shared.NextBytes(bytes);
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x40);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes, bigEndian: true).ToString();
    }

    /// <summary>Whether the key is fenced after a write.</summary>
    public bool FencedAfter(in RowVersion row, StateWrite write, bool inTransaction) =>
        behaviour == Behaviour.Redis && (row.Fenced || (write.Concurrency == Concurrency.FirstWrite && !inTransaction));

    private StateFailure? RefusalOfETag(in RowVersion row, StateWrite write)
    {
        if (behaviour == Behaviour.PostgreSql && !Guid.TryParseExact(write.ETag, "D", out _))
        {
            return new StateFailure(
                FailureKind.ETagMismatch,
                write.ETag!.Length == 36 ? "invalid UUID format" : $"invalid UUID length: {write.ETag.Length}");
        }

        if (row.Exists && row.ETag == write.ETag)
        {
            return null;
        }

        return behaviour == Behaviour.InMemory
            ? new StateFailure(FailureKind.ETagMismatch, row.Exists
                ? $"state etag not match for key={write.Key}: current={row.ETag}, expect={write.ETag}"
                : $"state not exist or expired for key={write.Key}")
            : Mismatch();
    }

    private StateFailure Mismatch() => new(
        FailureKind.ETagMismatch,
        behaviour == Behaviour.MySql ? "rows affected error: no rows match given key and eTag" : "");

    /// <summary>
    /// Redis compares versions in a script: a key that does not exist takes any write, and a key that was never written
    /// first-write takes any write without ETag.
    /// </summary>
    private static StateFailure? RefusalOfRedis(in RowVersion row, StateWrite write, bool inTransaction)
    {
        var version = "0";
        if (write.HasETag && (write.IsDelete || write.Concurrency != Concurrency.LastWrite))
        {
            if (!long.TryParse(write.ETag, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
            {
                return new StateFailure(FailureKind.ETagInvalid, $"strconv.Atoi: parsing \"{write.ETag}\": invalid syntax");
            }

            version = number.ToString(CultureInfo.InvariantCulture);
        }

        if (!row.Exists || row.ETag == version || (version == "0" && (write.IsDelete || !row.Fenced)))
        {
            return null;
        }

        var script = write.IsDelete
            ? $"ERR user_script:6: failed to delete {write.Key}"
            : $"ERR user_script:14: failed to set key {write.Key}";
        return inTransaction ? new StateFailure(FailureKind.Other, script)
            : write.HasETag || write.IsDelete ? new StateFailure(FailureKind.ETagMismatch, script)
            : new StateFailure(FailureKind.Other, $"failed to set key {write.Key}: {script}");
    }
}
