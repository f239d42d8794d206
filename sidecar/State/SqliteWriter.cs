namespace Sidecar.State;

/// <summary>The thread that writes a database: takes all that waits, commits it once, answers everybody.</summary>
internal sealed class SqliteWriter : IDisposable
{
    /// <summary>How many callers one thread answers: a thread for each costs more than what they do.</summary>
    private const int AnsweredTogether = 16;

    private static readonly TimeSpan _betweenCleanUps = TimeSpan.FromHours(1);

    private readonly SqliteConnection _connection;
    private readonly SqliteCheckpoints _checkpoints;
    private readonly int _pagesPerCheckpoint;
    private readonly TimeProvider _time;
    private readonly Thread _thread;
    private readonly object _gate = new();
    private readonly Dictionary<SqliteTable, long> _cleaned = [];
    private readonly List<RowVersion> _rows = [];

    // Some tables take keys that differ by their case for the same.
    private readonly HashSet<string> _keys = new(StringComparer.OrdinalIgnoreCase);
    private List<Job> _waiting = [];
    private int _pages;
    private bool _closed;

    /// <param name="connection">Writes, and does nothing else; the writer's own from now on.</param>
    /// <param name="checkpoints">Begun when so many pages were written.</param>
    /// <param name="pagesPerCheckpoint">How many.</param>
    /// <param name="time">The clock.</param>
    public SqliteWriter(SqliteConnection connection, SqliteCheckpoints checkpoints, int pagesPerCheckpoint, TimeProvider time)
    {
        _connection = connection;
        _checkpoints = checkpoints;
        _pagesPerCheckpoint = pagesPerCheckpoint;
        _time = time;
        _thread = new Thread(Work) { IsBackground = true, Name = "sqlite writer" };
        _thread.Start();
    }

    /// <summary>Runs statements without rows in a transaction.</summary>
    /// <exception cref="StoreException"/>
    public async Task ExecuteAsync(IReadOnlyList<string> statements)
    {
        var job = new Job(null, [], false) { Statements = statements };
        Enqueue(job);
        if (await job.Task is { } failure)
        {
            throw new StoreException(failure.Message);
        }
    }

    public Task<StateFailure?> WriteAsync(SqliteTable table, IReadOnlyList<StateWrite> writes, bool transaction)
    {
        var job = new Job(table, writes, transaction);
        Enqueue(job);
        return job.Task;
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _closed = true;
            Monitor.Pulse(_gate);
        }

        _thread.Join();
        _connection.Dispose();
    }

    private void Enqueue(Job job)
    {
        lock (_gate)
        {
            if (!_closed)
            {
                _waiting.Add(job);
                if (_waiting.Count == 1)
                {
                    Monitor.Pulse(_gate);
                }

                return;
            }
        }

        job.SetResult(new StateFailure(FailureKind.Other, "the database is closed"));
    }

    private void Work()
    {
        var jobs = new List<Job>();
        while (true)
        {
            lock (_gate)
            {
                while (_waiting.Count == 0)
                {
                    if (_closed)
                    {
                        return;
                    }

                    Monitor.Wait(_gate);
                }

                (jobs, _waiting) = (_waiting, jobs);
            }

            Run(jobs);
            jobs.Clear();
            TendCheckpoints();
        }
    }

    /// <summary>Beside the writer comes in all but what it adds meanwhile. That, it brings in itself, and the WAL begins anew.</summary>
    private void TendCheckpoints()
    {
        try
        {
            _pages += _connection.TakePagesWritten();
            if (_checkpoints.Take())
            {
                _connection.Checkpoint();
            }
            else if (_pages >= _pagesPerCheckpoint)
            {
                _pages = 0;
                _checkpoints.Begin();
            }
        }
        catch (StoreException)
        {
            // It stays in the WAL until the next time.
        }
    }

    private void Run(List<Job> jobs)
    {
        try
        {
            Commit(jobs);
        }
        catch (StoreException) when (jobs.Count > 1)
        {
            // Nothing of the batch is written. One of them may be at fault (too large for the disk): each for itself now.
            foreach (var job in jobs)
            {
                Run([job]);
            }
        }
        catch (StoreException e)
        {
            jobs[0].Outcome = new StateFailure(FailureKind.Other, e.Message);
            Answer(jobs);
        }
    }

    /// <summary>What the callers do next must not run on the writer's thread.</summary>
    private static void Answer(List<Job> jobs)
    {
        foreach (var group in jobs.Chunk(AnsweredTogether))
        {
            ThreadPool.UnsafeQueueUserWorkItem(static group => Array.ForEach(group, job => job.SetResult(job.Outcome)), group, preferLocal: false);
        }
    }

    private void Commit(List<Job> jobs)
    {
        var now = _time.GetUtcNow().ToUnixTimeMilliseconds();
        try
        {
            _connection.Execute("BEGIN IMMEDIATE");
            foreach (var job in jobs)
            {
                job.Outcome = job.Table is { } table ? Apply(job, table, now) : Execute(job);
            }

            _connection.Execute("COMMIT");
        }
        catch
        {
            if (_connection.InTransaction)
            {
                _connection.Execute("ROLLBACK");
            }

            throw;
        }

        Answer(jobs);
    }

    private StateFailure? Execute(Job job)
    {
        foreach (var statement in job.Statements)
        {
            _connection.Execute(statement);
        }

        return null;
    }

    private StateFailure? Apply(Job job, SqliteTable table, long now)
    {
        var failure = !table.Rules.RollsBack ? ApplyWhatMayBe(job, table, now)
            : job.Writes.Count == 1 || IsEachKeyOnce(job.Writes) ? ApplyAllOrNothing(job, table, now)
            : ApplyInSavepoint(job, table, now);

        if (!_cleaned.TryGetValue(table, out var cleaned) || now - cleaned >= _betweenCleanUps.TotalMilliseconds)
        {
            _connection.Prepare(table.Clean).Bind(1, now).Run();
            _cleaned[table] = now;
        }

        return failure;
    }

    /// <summary>Whether all may be written is known before any is, so that nothing has to be brought back.</summary>
    private StateFailure? ApplyAllOrNothing(Job job, SqliteTable table, long now)
    {
        _rows.Clear();
        foreach (var write in job.Writes)
        {
            var row = Find(table, write.Key, now);
            if (table.Rules.Refusal(row, write, job.Transaction) is { } refusal)
            {
                return refusal;
            }

            _rows.Add(row);
        }

        for (var i = 0; i < job.Writes.Count; i++)
        {
            Put(table, _rows[i], job.Writes[i], job.Transaction, now);
        }

        return null;
    }

    /// <summary>What is written to a key decides about the next write to it, and what is refused then takes all of them back.</summary>
    private StateFailure? ApplyInSavepoint(Job job, SqliteTable table, long now)
    {
        _connection.Execute("SAVEPOINT job");
        StateFailure? failure = null;
        foreach (var write in job.Writes)
        {
            failure = TryApply(table, write, job.Transaction, now);
            if (failure is not null)
            {
                _connection.Execute("ROLLBACK TO job");
                break;
            }
        }

        _connection.Execute("RELEASE job");
        return failure;
    }

    private StateFailure? ApplyWhatMayBe(Job job, SqliteTable table, long now)
    {
        StateFailure? failure = null;
        foreach (var write in job.Writes)
        {
            var refusal = TryApply(table, write, job.Transaction, now);
            failure ??= refusal;
        }

        return failure;
    }

    private bool IsEachKeyOnce(IReadOnlyList<StateWrite> writes)
    {
        _keys.Clear();
        foreach (var write in writes)
        {
            if (!_keys.Add(write.Key))
            {
                return false;
            }
        }

        return true;
    }

    private StateFailure? TryApply(SqliteTable table, StateWrite write, bool transaction, long now)
    {
        var row = Find(table, write.Key, now);
        if (table.Rules.Refusal(row, write, transaction) is { } refusal)
        {
            return refusal;
        }

        Put(table, row, write, transaction, now);
        return null;
    }

    private RowVersion Find(SqliteTable table, string key, long now)
    {
        var find = _connection.Prepare(table.Find).Bind(1, key);
        var row = find.Step() && !(find.Number(1) <= now)
            ? new RowVersion(true, find.Text(0), find.Number(2) != 0)
            : default;
        find.Reset();
        return row;
    }

    private void Put(SqliteTable table, in RowVersion row, StateWrite write, bool transaction, long now)
    {
        if (write.IsDelete)
        {
            _connection.Prepare(table.Delete).Bind(1, write.Key).Run();
            return;
        }

        _connection.Prepare(table.Put)
            .Bind(1, write.Key)
            .Bind(2, write.Value.Span)
            .Bind(3, table.Rules.NextETag(row))
            .Bind(4, write.Ttl is { } ttl ? now + (long)ttl.TotalMilliseconds : null)
            .Bind(5, table.Rules.FencedAfter(row, write, transaction) ? 1 : 0)
            .Run();
    }

    private sealed class Job(SqliteTable? table, IReadOnlyList<StateWrite> writes, bool transaction)
        : TaskCompletionSource<StateFailure?>
    {
        /// <summary>Null: <see cref="Statements"/> are run.</summary>
        public SqliteTable? Table => table;

        public IReadOnlyList<StateWrite> Writes => writes;

        public bool Transaction => transaction;

        public IReadOnlyList<string> Statements { get; init; } = [];

        public StateFailure? Outcome { get; set; }
    }
}
