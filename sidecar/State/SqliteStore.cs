namespace Sidecar.State;

/// <summary>Rows in a table of a SQLite file: <c>state.sqlite</c>.</summary>
internal sealed class SqliteStore(SqliteDatabase database, SqliteTable table) : IStateStore
{
    public ValueTask<StateRow?> GetAsync(string key, CancellationToken cancellation) =>
        new(database.Read((key, store: this), static (connection, s) => s.store.Find(connection, s.key)));

    public ValueTask<IReadOnlyList<KeyValuePair<string, StateRow?>>> GetManyAsync(
        IReadOnlyList<string> keys, CancellationToken cancellation) =>
        new(database.Read((keys, store: this), static (connection, s) =>
        {
            connection.Execute("BEGIN");
            try
            {
                return BulkOrder.Arrange(s.keys, key => s.store.Find(connection, key), s.store.Rules);
            }
            finally
            {
                connection.Execute("COMMIT");
            }
        }));

    public Task<StateFailure?> WriteAsync(IReadOnlyList<StateWrite> writes, bool transaction) =>
        database.WriteAsync(table, writes, transaction);

    private StateRules Rules => table.Rules;

    private StateRow? Find(SqliteConnection connection, string key)
    {
        var get = connection.Prepare(table.Get).Bind(1, key);
        try
        {
            if (!get.Step())
            {
                return null;
            }

            DateTimeOffset? expires = get.Number(3) is { } at ? DateTimeOffset.FromUnixTimeMilliseconds(at) : null;
            return expires <= database.Time.GetUtcNow() ? null : new StateRow(get.Text(0), get.Blob(1), get.Text(2), expires);
        }
        finally
        {
            get.Reset();
        }
    }
}
