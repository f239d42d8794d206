using System.Text.Json;
using Accounts.Domain;
using EventLog;

namespace Accounts.Processor.Consumers;

/// <summary>An event of the log, decoded when a function first looks inside and then shared by all functions.</summary>
internal sealed class LoggedEvent(RecordedEvent recorded)
{
    private AccountEvent? _event;

    public RecordedEvent Recorded => recorded;

    public string Account => recorded.Stream;

    public long Version => recorded.Version;

    /// <summary>The user as it is stored, whether or not this version can read the rest of the event; null in events from before they had it.</summary>
    public long? User => Number("userId");

    /// <summary>When it happened, likewise, in epoch milliseconds.</summary>
    public long? CreatedAt => Number("createdAt");

    /// <exception cref="UnreadableEventException">This version of the service does not know the event.</exception>
    public AccountEvent Event => _event ??=
        AccountStorage.Read(recorded.Event.Name, recorded.Event.Schema, recorded.Event.Data) ?? throw new UnreadableEventException(recorded.Event);

    private long? Number(string member) => recorded.Event.Data is { ValueKind: JsonValueKind.Object } data
        && data.TryGetProperty(member, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number) ? number : null;
}

internal sealed record LoggedRecord(int Partition, long Position, IReadOnlyList<LoggedEvent> Events)
{
    public static LoggedRecord From(LogRecord record) =>
        new(record.Position.Partition, record.Position.Position, [.. record.Events.Select(recorded => new LoggedEvent(recorded))]);
}

internal sealed class UnreadableEventException(StoredEvent stored)
    : Exception($"This version cannot read {stored.Name} with schema {stored.Schema}.");
