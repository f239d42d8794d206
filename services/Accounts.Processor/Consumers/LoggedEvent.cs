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

    /// <exception cref="UnreadableEventException">This version of the service does not know the event.</exception>
    public AccountEvent Event => _event ??=
        AccountStorage.Read(recorded.Event.Name, recorded.Event.Schema, recorded.Event.Data) ?? throw new UnreadableEventException(recorded.Event);
}

internal sealed record LoggedRecord(int Partition, long Position, IReadOnlyList<LoggedEvent> Events)
{
    public static LoggedRecord From(LogRecord record) =>
        new(record.Position.Partition, record.Position.Position, [.. record.Events.Select(recorded => new LoggedEvent(recorded))]);
}

internal sealed class UnreadableEventException(StoredEvent stored)
    : Exception($"This version cannot read {stored.Name} with schema {stored.Schema}.");
