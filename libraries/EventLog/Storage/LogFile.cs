using System.Text.Json;

namespace EventLog;

/// <summary>What is recorded under <see cref="Keys.Log"/> when a log is created, and never changes.</summary>
internal sealed record LogFile(int Format, int Partitions, string Id)
{
    /// <summary>The format that this library writes and reads.</summary>
    public const int CurrentFormat = 1;

    public byte[] Write() => JsonSerializer.SerializeToUtf8Bytes(this, LogJson.Default.LogFile);

    /// <summary>Null when the log has not been created yet.</summary>
    /// <exception cref="LogRefusedException">It is of a format that this version does not read.</exception>
    public static async Task<LogFile?> ReadAsync(IStateStore store, CancellationToken cancellation)
    {
        if (await store.ReadAsync(Keys.Log, cancellation) is not { } stored)
        {
            return null;
        }

        var file = JsonSerializer.Deserialize(stored.Value.Span, LogJson.Default.LogFile)!;
        return file.Format == CurrentFormat
            ? file
            : throw new LogRefusedException(
                $"The log in component '{store.Name}' has format {file.Format}; this version reads format {CurrentFormat}. Deploy a version that fits.");
    }

    /// <summary>Creates the log, or reads the one that another replica created first.</summary>
    /// <exception cref="LogRefusedException">The log exists with another number of partitions.</exception>
    public static async Task<LogFile> OpenAsync(IStateStore store, int partitions, Func<string> newId, CancellationToken cancellation)
    {
        var file = await ReadAsync(store, cancellation);
        if (file is null)
        {
            try
            {
                await store.CreateAsync(Keys.Log, new LogFile(CurrentFormat, partitions, newId()).Write(), cancellation);
            }
            catch (Exception) when (!cancellation.IsCancellationRequested)
            {
                // Written, lost to another replica, or neither: the next line tells.
            }

            file = await ReadAsync(store, cancellation) ?? throw new IOException($"The log could not be created in component '{store.Name}'.");
        }

        return file.Partitions == partitions
            ? file
            : throw new LogRefusedException(
                $"The log in component '{store.Name}' has {file.Partitions} partitions, but {partitions} are configured. "
                + $"The number is fixed when a log is created: configure {file.Partitions}, or begin a new log.");
    }
}

/// <summary>The log or its store cannot be used as configured; trying again does not help.</summary>
public sealed class LogRefusedException(string message) : Exception(message);
