using System.Buffers.Binary;
using Sidecar.State;
using TestSupport;

namespace Sidecar.Tests;

/// <summary>The database file: what is acknowledged is in it, and what goes wrong is an answer.</summary>
public sealed class StateSqliteTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly SqliteTable _table = new("state", new StateRules(Behaviour.Sqlite));

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Everything_acknowledged_is_there_after_opening_the_file_again()
    {
        using (var database = await OpenAsync())
        {
            var results = await Task.WhenAll(Enumerable.Range(0, 1000).Select(i => WriteAsync(database, $"k{i}", 300)));
            Assert.All(results, Assert.Null);
        }

        using var again = await OpenAsync();
        var found = await new SqliteStore(again, _table).GetManyAsync([.. Enumerable.Range(0, 1000).Select(i => $"k{i}")], Token);
        Assert.All(found, f => Assert.NotNull(f.Value));
    }

    [Fact]
    public async Task Each_commit_is_synced_to_the_disk_before_it_is_acknowledged()
    {
        using var database = await OpenAsync();

        // A killed process proves nothing: what it wrote is in the system's memory. So the connection that writes is asked:
        // FULL (2) syncs the log of writes at every commit, NORMAL and OFF do not.
        await database.ExecuteAsync("CREATE TABLE seen AS SELECT synchronous FROM pragma_synchronous", "CREATE TABLE mode AS SELECT journal_mode FROM pragma_journal_mode");

        Assert.Equal("2 wal", database.Read(0, static (connection, _) => Text(connection, "SELECT synchronous || ' ' || journal_mode FROM seen, mode")));
    }

    [Fact]
    public async Task Writes_that_wait_share_a_commit_and_each_has_its_own_answer()
    {
        using var database = await OpenAsync();
        await WriteAsync(database, "taken", 1);
        Task<StateFailure?> first;
        Task<StateFailure?>[] waiting;
        int before;
        using (var other = new SqliteConnection(_folder.At("below", "states.db")))
        {
            // While somebody else writes to the file, the writer waits for its turn with what it has taken; the rest queue up.
            other.Execute("BEGIN IMMEDIATE");
            before = Commits();
            first = WriteAsync(database, "first", 10);
            waiting = [.. Enumerable.Range(0, 200).Select(i => i % 2 == 0
                ? WriteAsync(database, $"k{i}", 10)
                : database.WriteAsync(_table, [new StateWrite("taken", new byte[1]) { Concurrency = Concurrency.FirstWrite }], false))];
            other.Execute("ROLLBACK");
        }

        var results = await Task.WhenAll(waiting);

        Assert.Null(await first);
        Assert.All(results.Index(), r => Assert.Equal(r.Index % 2 == 1, r.Item is { Kind: FailureKind.ETagMismatch }));
        Assert.InRange(Commits() - before, 1, 2);
    }

    [Fact]
    public async Task A_full_database_is_an_answer_to_who_writes_and_loses_nothing()
    {
        using var database = await OpenAsync();
        var store = new SqliteStore(database, _table);
        Assert.Null(await WriteAsync(database, "before", 300));
        await database.ExecuteAsync("PRAGMA max_page_count = 30");

        // Of what waits together only what is too large fails.
        var results = await Task.WhenAll(
            WriteAsync(database, "small1", 300), WriteAsync(database, "large", 1 << 20), WriteAsync(database, "small2", 300));

        Assert.Equal([false, true, false], results.Select(r => r is { Kind: FailureKind.Other }));
        Assert.Contains("full", results[1]!.Message, StringComparison.Ordinal);
        Assert.Null(await store.GetAsync("large", Token));
        Assert.NotNull(await store.GetAsync("before", Token));
        Assert.NotNull(await store.GetAsync("small2", Token));

        await database.ExecuteAsync("PRAGMA max_page_count = 1000000");
        Assert.Null(await WriteAsync(database, "large", 1 << 20));
        Assert.Equal(1 << 20, (await store.GetAsync("large", Token))!.Value.Length);
    }

    [Fact]
    public async Task What_is_written_on_and_on_comes_into_the_file_and_the_log_of_writes_begins_anew()
    {
        const int Rounds = 60;
        const int PageSize = 4096;
        using (var database = await OpenAsync(pagesPerCheckpoint: 100))
        {
            for (var round = 0; round < Rounds; round++)
            {
                Assert.All(await Task.WhenAll(Enumerable.Range(0, 100).Select(i => WriteAsync(database, $"k{i}", PageSize + round))), Assert.Null);
            }

            Assert.InRange(new FileInfo(_folder.At("below", "states.db-wal")).Length, PageSize, Rounds * 100 * PageSize / 3);
        }

        using var again = await OpenAsync();
        var found = await new SqliteStore(again, _table).GetManyAsync([.. Enumerable.Range(0, 100).Select(i => $"k{i}")], Token);
        Assert.All(found, f => Assert.Equal(PageSize + Rounds - 1, f.Value!.Value.Length));
    }

    [Fact]
    public async Task While_somebody_reads_what_was_the_writer_goes_on_and_the_log_of_writes_is_kept_for_him()
    {
        using var database = await OpenAsync(pagesPerCheckpoint: 20);
        Assert.Null(await WriteAsync(database, "k", 1));
        using var reader = new SqliteConnection(_folder.At("below", "states.db"));
        reader.Execute("BEGIN");
        Assert.Equal("1", Text(reader, "SELECT length(value) FROM state"));

        for (var round = 2; round < 200; round++)
        {
            Assert.Null(await WriteAsync(database, "k", round * 100));
        }

        Assert.Equal("1", Text(reader, "SELECT length(value) FROM state"));
        reader.Execute("COMMIT");
        Assert.Equal("19900", Text(reader, "SELECT length(value) FROM state"));
    }

    [Fact]
    public async Task Two_tables_of_a_file_are_apart()
    {
        using var database = await OpenAsync();
        var other = new SqliteTable("oth\"er", new StateRules(Behaviour.Sqlite));
        await database.ExecuteAsync(other.Create);

        await database.WriteAsync(other, [new StateWrite("k", new byte[] { 1 })], false);

        Assert.NotNull(await new SqliteStore(database, other).GetAsync("k", Token));
        Assert.Null(await new SqliteStore(database, _table).GetAsync("k", Token));
    }

    [Fact]
    public async Task Expired_rows_leave_the_file_some_day()
    {
        var clock = new StateClock();
        using var database = new SqliteDatabase(_folder.At("states.db"), clock);
        await database.ExecuteAsync(_table.Create);
        await database.WriteAsync(_table, [new StateWrite("old", new byte[1]) { Ttl = TimeSpan.FromSeconds(1) }], false);

        clock.Pass(TimeSpan.FromHours(2));
        await WriteAsync(database, "new", 1);

        Assert.Equal("1", database.Read(0, static (connection, _) => Text(connection, "SELECT count(*) FROM state")));
    }

    [Fact]
    public async Task A_file_that_is_no_database_or_cannot_be_made_is_refused()
    {
        _folder.Write("text.db", new string('x', 10_000));

        Assert.Throws<StoreException>(() => new SqliteDatabase(_folder.At("text.db"), TimeProvider.System));
        Assert.Throws<StoreException>(() => new SqliteDatabase(_folder.At("text.db", "below.db"), TimeProvider.System));
        using var closed = await OpenAsync();
        closed.Dispose();
        Assert.Equal(FailureKind.Other, (await WriteAsync(closed, "k", 1))?.Kind);
    }

    public void Dispose() => _folder.Dispose();

    /// <summary>
    /// The commits in the log of writes (https://sqlite.org/fileformat2.html#walformat): the last frame of each says how many pages
    /// the database has from then on, the others say 0.
    /// </summary>
    private int Commits()
    {
        using var file = new FileStream(_folder.At("below", "states.db-wal"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var log = new byte[file.Length];
        file.ReadExactly(log);
        var size = BinaryPrimitives.ReadInt32BigEndian(log.AsSpan(8));
        var salt = log.AsSpan(16, 8);
        var commits = 0;
        for (var frame = 32; frame + 24 + size <= log.Length && log.AsSpan(frame + 8, 8).SequenceEqual(salt); frame += 24 + size)
        {
            commits += BinaryPrimitives.ReadInt32BigEndian(log.AsSpan(frame + 4)) > 0 ? 1 : 0;
        }

        return commits;
    }

    private static string Text(SqliteConnection connection, string sql)
    {
        var row = connection.Prepare(sql);
        row.Step();
        var text = row.Text(0);
        row.Reset();
        return text;
    }

    private async Task<SqliteDatabase> OpenAsync(int pagesPerCheckpoint = 1_000)
    {
        var database = new SqliteDatabase(_folder.At("below", "states.db"), TimeProvider.System, pagesPerCheckpoint);
        await database.ExecuteAsync(_table.Create);
        return database;
    }

    private Task<StateFailure?> WriteAsync(SqliteDatabase database, string key, int size) =>
        database.WriteAsync(_table, [new StateWrite(key, new byte[size])], false);
}
