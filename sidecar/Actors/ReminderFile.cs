using Microsoft.Data.Sqlite;

namespace Sidecar.Actors;

/// <summary>A reminder as it is kept: what the app asked for, and when it ticks next.</summary>
internal sealed record Reminder(string Type, string Id, string Name, ScheduleRequest Request, Schedule Schedule)
{
    public (string Type, string Id, string Name) Key => (Type, Id, Name);
}

/// <summary>
/// The reminders of the host, on disk (<c>reminders.db</c> in the data folder), in the place of Dapr's Scheduler. The file
/// is made with the first reminder. Not safe for several callers at once.
/// </summary>
internal sealed class ReminderFile(string folder) : IDisposable
{
    /// <summary>Its name in the data folder.</summary>
    public const string Name = "reminders.db";

    private readonly string _path = Path.Combine(folder, Name);
    private SqliteConnection? _connection;

    public IReadOnlyList<Reminder> Read()
    {
        if (!File.Exists(_path))
        {
            return [];
        }

        using var command = Command(
            "SELECT type, id, name, due_time, period, ttl, data, next, left_over, expires FROM reminders");
        using var rows = command.ExecuteReader();
        var reminders = new List<Reminder>();
        while (rows.Read())
        {
            var request = new ScheduleRequest(
                rows.GetString(3), rows.GetString(4), rows.GetString(5), "", rows.IsDBNull(6) ? null : rows.GetString(6), true);
            var schedule = new Schedule(
                DateTimeOffset.FromUnixTimeMilliseconds(rows.GetInt64(7)),
                GoTime.Period(request.Period) ?? default,
                rows.GetInt32(8),
                rows.IsDBNull(9) ? null : DateTimeOffset.FromUnixTimeMilliseconds(rows.GetInt64(9)));
            reminders.Add(new Reminder(rows.GetString(0), rows.GetString(1), rows.GetString(2), request, schedule));
        }

        return reminders;
    }

    /// <summary>On disk when it returns.</summary>
    public void Write(Reminder reminder)
    {
        using var command = Command(
            """
            INSERT OR REPLACE INTO reminders (type, id, name, due_time, period, ttl, data, next, left_over, expires)
            VALUES ($type, $id, $name, $due, $period, $ttl, $data, $next, $left, $expires)
            """,
            ("$type", reminder.Type), ("$id", reminder.Id), ("$name", reminder.Name),
            ("$due", reminder.Request.DueTime), ("$period", reminder.Request.Period), ("$ttl", reminder.Request.Ttl),
            ("$data", reminder.Request.Data),
            ("$next", reminder.Schedule.Next.ToUnixTimeMilliseconds()), ("$left", reminder.Schedule.Left),
            ("$expires", reminder.Schedule.Expires?.ToUnixTimeMilliseconds()));
        command.ExecuteNonQuery();
    }

    /// <summary>On disk when it returns.</summary>
    public void Delete((string Type, string Id, string Name) key)
    {
        using var command = Command(
            "DELETE FROM reminders WHERE type = $type AND id = $id AND name = $name",
            ("$type", key.Type), ("$id", key.Id), ("$name", key.Name));
        command.ExecuteNonQuery();
    }

    public void Dispose() => _connection?.Dispose();

    private SqliteCommand Command(string sql, params (string Name, object? Value)[] values)
    {
        var command = Open().CreateCommand();
        command.CommandText = sql;
        foreach (var (name, value) in values)
        {
            command.Parameters.AddWithValue(name, value ?? DBNull.Value);
        }

        return command;
    }

    private SqliteConnection Open()
    {
        if (_connection is not null)
        {
            return _connection;
        }

        Directory.CreateDirectory(folder);

        // Without a pool, so that closing the host really lets go of the file.
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = _path, Pooling = false }.ToString());
        connection.Open();
        using var schema = connection.CreateCommand();
        schema.CommandText =
            """
            PRAGMA journal_mode = WAL;
            PRAGMA synchronous = FULL;
            CREATE TABLE IF NOT EXISTS reminders (
                type TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL,
                due_time TEXT NOT NULL, period TEXT NOT NULL, ttl TEXT NOT NULL, data TEXT,
                next INTEGER NOT NULL, left_over INTEGER NOT NULL, expires INTEGER,
                PRIMARY KEY (type, id, name)) WITHOUT ROWID;
            """;
        schema.ExecuteNonQuery();
        return _connection = connection;
    }
}
