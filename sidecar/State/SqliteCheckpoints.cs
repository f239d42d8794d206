namespace Sidecar.State;

/// <summary>
/// Brings pages from SQLite's log of writes (the WAL) into the database file while the writer goes on. A commit that did this by
/// itself took some 80 ms, and all that waited for it took as long.
/// </summary>
internal sealed class SqliteCheckpoints : IDisposable
{
    private const int Idle = 0;
    private const int Running = 1;
    private const int Done = 2;

    // What is committed during the first round comes in by the second, which is short.
    private const int Rounds = 2;

    private readonly SqliteConnection _connection;
    private Thread? _thread;
    private int _state;

    public SqliteCheckpoints(string path)
    {
        _connection = new SqliteConnection(path);

        // The WAL is synced before it is copied: a page in the file must not be newer than what a crash leaves of the log.
        _connection.Execute("PRAGMA synchronous = FULL");
    }

    /// <summary>Begins one on a thread of its own, unless one is under way. Called by the writer only, as <see cref="Take"/>.</summary>
    public void Begin()
    {
        if (Interlocked.CompareExchange(ref _state, Running, Idle) != Idle)
        {
            return;
        }

        _thread?.Join();
        _thread = new Thread(Work) { IsBackground = true, Name = "sqlite checkpoint" };
        _thread.Start();
    }

    /// <summary>True once after one has ended: little is left in the WAL, and when the writer brings that in too, it begins anew.</summary>
    public bool Take() => Interlocked.CompareExchange(ref _state, Idle, Done) == Done;

    /// <summary>Waits for the one that is under way.</summary>
    public void Dispose()
    {
        _thread?.Join();
        _connection.Dispose();
    }

    private void Work()
    {
        try
        {
            for (var round = 0; round < Rounds; round++)
            {
                _connection.Checkpoint();
            }
        }
        catch (StoreException)
        {
            // Nothing is lost: it stays in the WAL until the next one.
        }

        Volatile.Write(ref _state, Done);
    }
}
