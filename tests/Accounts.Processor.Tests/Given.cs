using Accounts.Contracts;
using Accounts.Domain;
using Accounts.Processor.Consumers;
using Accounts.Processor.Functions;
using Accounts.Processor.Tests.InProcess;
using EventLog;

namespace Accounts.Processor.Tests;

/// <summary>Events as the log would give them, and rows as a batch would see them.</summary>
internal static class Given
{
    public static ViewPointer At { get; } = new("0123abcd", "1");

    public static AccountEvent Created(string number = "A-1", bool asDefault = true) => new AccountEvent.Created(1_000, number, 7, asDefault);

    public static LoggedEvent Event(AccountEvent happened, long version, long position = 1, int index = 0, int partition = 3, long ordinal = 1)
    {
        var (name, schema, data) = AccountStorage.Write(happened);
        return Stored(new StoredEvent(name, schema, data), happened.AccountNumber, version, position, index, partition, ordinal);
    }

    public static LoggedEvent Stored(
        StoredEvent stored, string account, long version, long position = 1, int index = 0, int partition = 3, long ordinal = 1) => new(new RecordedEvent
        {
            Event = stored,
            Stream = account,
            Version = version,
            StreamOrdinal = ordinal,
            EventId = $"0123abcd-{partition}-{position}-{index}",
            Position = new LogPosition(partition, position),
            Time = DateTimeOffset.UnixEpoch,
            CommandId = "c",
            CorrelationId = "together",
            CausationId = "because",
        });

    /// <summary>An account's first three events, each in a record of its own.</summary>
    public static IReadOnlyList<LoggedRecord> Onboarded(string number, long firstPosition = 1) =>
    [
        Record(firstPosition, Event(Created(number), 1, firstPosition)),
        Record(firstPosition + 1, Event(new AccountEvent.Confirmed(2_000, number, "checked"), 2, firstPosition + 1)),
        Record(firstPosition + 2, Event(new AccountEvent.Activated(3_000, number), 3, firstPosition + 2)),
    ];

    public static LoggedRecord Record(long position, params LoggedEvent[] events) => new(3, position, events);

    /// <summary>Folds events one after the other, as a batch of one.</summary>
    public static async Task<Rows> Folded(Function.View view, IStateStore store, params LoggedEvent[] events)
    {
        var rows = new Rows();
        await rows.ReadAsync([.. events.SelectMany(logged => view.Reads(At, logged))], trustNew: false, store, CancellationToken.None);
        foreach (var logged in events)
        {
            rows.Apply(view.Fold(At, logged, rows));
        }

        return rows;
    }
}
