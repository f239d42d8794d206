using System.Text;
using SQLitePCL;

namespace Sidecar.State;

/// <summary>
/// A connection to a database file, with its prepared statements, used by one thread at a time. SQLite is called directly:
/// a save costs a few microseconds, and the ADO.NET layer would cost as much again in objects.
/// </summary>
internal sealed class SqliteConnection : IDisposable
{
    // SQLITE_DBSTATUS_CACHE_WRITE
    private const int PagesWritten = 9;

    private readonly sqlite3 _handle;
    private readonly Dictionary<string, SqliteStatement> _statements = new(StringComparer.Ordinal);

    static SqliteConnection() => Batteries_V2.Init();

    /// <summary>Opens the file and makes it when there is none.</summary>
    /// <exception cref="StoreException">The file cannot be opened or is no database.</exception>
    public SqliteConnection(string path)
    {
        var result = raw.sqlite3_open_v2(
            path, out _handle, raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_CREATE | raw.SQLITE_OPEN_NOMUTEX, null);
        if (result != raw.SQLITE_OK)
        {
            _handle.Dispose();
            throw new StoreException($"{raw.sqlite3_errstr(result).utf8_to_string()} ({path})");
        }

        // Another program may look into the file for a moment.
        raw.sqlite3_busy_timeout(_handle, 2000);
    }

    /// <summary>Whether a transaction is open; an error may have ended it.</summary>
    public bool InTransaction => raw.sqlite3_get_autocommit(_handle) == 0;

    /// <summary>Runs a statement without parameters or rows.</summary>
    /// <exception cref="StoreException"/>
    public void Execute(string sql)
    {
        var statement = Prepare(sql);
        while (statement.Step())
        {
            // A pragma answers a row.
        }

        statement.Reset();
    }

    /// <summary>The prepared statement for this text, ready to be bound; the same object each time.</summary>
    /// <exception cref="StoreException"/>
    public SqliteStatement Prepare(string sql)
    {
        if (_statements.TryGetValue(sql, out var known))
        {
            known.Reset();
            return known;
        }

        Check(raw.sqlite3_prepare_v3(_handle, sql, raw.SQLITE_PREPARE_PERSISTENT, out var statement));
        return _statements[sql] = new SqliteStatement(this, statement);
    }

    /// <summary>Pages that this connection has written since it was last asked: in WAL mode, to the WAL.</summary>
    public int TakePagesWritten()
    {
        Check(raw.sqlite3_db_status(_handle, PagesWritten, out var pages, out _, 1));
        return pages;
    }

    /// <summary>Brings into the database file what is in the WAL and nobody reads there. Waits for no one.</summary>
    /// <exception cref="StoreException">Another connection is at it, or the disk fails; what is committed is in the WAL all the same.</exception>
    public void Checkpoint() => Check(raw.sqlite3_wal_checkpoint_v2(_handle, "main", raw.SQLITE_CHECKPOINT_PASSIVE, out _, out _));

    /// <exception cref="StoreException">The code is none of success.</exception>
    public void Check(int code)
    {
        if (code is not (raw.SQLITE_OK or raw.SQLITE_ROW or raw.SQLITE_DONE))
        {
            throw new StoreException($"{raw.sqlite3_errmsg(_handle).utf8_to_string()} ({raw.sqlite3_extended_errcode(_handle)})");
        }
    }

    public void Dispose()
    {
        foreach (var statement in _statements.Values)
        {
            statement.Dispose();
        }

        _handle.Dispose();
    }
}

/// <summary>A prepared statement. Parameters count from 1, columns from 0.</summary>
internal sealed class SqliteStatement(SqliteConnection connection, sqlite3_stmt handle) : IDisposable
{
    public SqliteStatement Bind(int index, string value)
    {
        var size = Encoding.UTF8.GetMaxByteCount(value.Length);
        Span<byte> bytes = size <= 1024 ? stackalloc byte[size] : new byte[size];
        connection.Check(raw.sqlite3_bind_text(handle, index, bytes[..Encoding.UTF8.GetBytes(value, bytes)]));
        return this;
    }

    public SqliteStatement Bind(int index, ReadOnlySpan<byte> value)
    {
        connection.Check(raw.sqlite3_bind_blob(handle, index, value));
        return this;
    }

    public SqliteStatement Bind(int index, long? value)
    {
        connection.Check(value is { } number ? raw.sqlite3_bind_int64(handle, index, number) : raw.sqlite3_bind_null(handle, index));
        return this;
    }

    /// <summary>True when there is a row to read.</summary>
    /// <exception cref="StoreException"/>
    public bool Step()
    {
        var code = raw.sqlite3_step(handle);
        connection.Check(code);
        return code == raw.SQLITE_ROW;
    }

    /// <summary>Runs a statement that answers no rows, and makes it ready for the next time.</summary>
    /// <exception cref="StoreException"/>
    public void Run()
    {
        try
        {
            Step();
        }
        finally
        {
            Reset();
        }
    }

    public string Text(int column) => raw.sqlite3_column_text(handle, column).utf8_to_string() ?? "";

    public byte[] Blob(int column) => raw.sqlite3_column_blob(handle, column).ToArray();

    public long? Number(int column) =>
        raw.sqlite3_column_type(handle, column) == raw.SQLITE_NULL ? null : raw.sqlite3_column_int64(handle, column);

    public void Reset() => raw.sqlite3_reset(handle);

    public void Dispose() => handle.Dispose();
}
