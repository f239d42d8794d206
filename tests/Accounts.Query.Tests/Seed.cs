using System.Text.Json;
using Accounts.Contracts;

namespace Accounts.Query.Tests;

/// <summary>Rows as the processor would have made them.</summary>
internal static class Seed
{
    /// <summary>An account at a version; each of its events came a millisecond after the one before, the first at 11.</summary>
    public static AccountBody Account(string number, long version, long userId = 7) => new()
    {
        CreatedAt = 10,
        LastModified = 10 + version,
        UserId = userId,
        AccountNumber = number,
        DefaultAccount = true,
        Status = "ACCOUNT_ACTIVE",
        Version = version,
    };

    /// <summary>The event that made a version.</summary>
    public static AccountEventBody Item(string number, long version, long userId = 7) => new()
    {
        Type = "ACCOUNT_SUSPENDED",
        Version = version,
        EventId = $"e-{version}",
        CreatedAt = 10 + version,
        LastModified = 10 + version,
        AccountNumber = number,
        Reason = "x",
        CorrelationId = "c",
        Account = Account(number, version, userId),
    };

    /// <summary>The event's row in the history.</summary>
    public static (string Key, JsonElement Row) Event(ViewPointer at, string number, long version) =>
        (RowKeys.History(at, number, version), JsonSerializer.SerializeToElement(Item(number, version), ContractsJson.Default.AccountEventBody));

    /// <summary>The row of a record.</summary>
    public static (string Key, JsonElement Row) Record(ViewPointer at, int partition, long position, params IReadOnlyList<AccountEventBody> items) =>
        (RowKeys.Feed(at, partition, position), JsonSerializer.SerializeToElement(new FeedRow(items), ContractsJson.Default.FeedRow));

    /// <summary>How far the history has come, by partition.</summary>
    public static IEnumerable<(string Key, JsonElement Row)> Checkpoints(ViewPointer at, params IReadOnlyList<long> positions) =>
        Checkpoints(at, Views.History, positions);

    /// <summary>How far a view has come, by partition.</summary>
    public static IEnumerable<(string Key, JsonElement Row)> Checkpoints(ViewPointer at, string view, params IReadOnlyList<long> positions) =>
        positions.Select((position, partition) =>
        (RowKeys.Checkpoint(at, view, partition), JsonSerializer.SerializeToElement(new CheckpointRow(position), ContractsJson.Default.CheckpointRow)));

    /// <summary>What a view holds back of an account, from a version on.</summary>
    public static (string Key, JsonElement Row) Held(
        ViewPointer at, string view, string number, long version, string state = HeldStates.Parked, int partition = 0, long position = 5) =>
        (RowKeys.Held(at, view, number), JsonSerializer.SerializeToElement(
            new HeldRow
            {
                Account = number,
                Partition = partition,
                Version = version,
                Position = position,
                Event = "ACCOUNT_SUSPENDED",
                EventId = "e",
                Cause = "it threw",
                Since = 1,
                State = state,
                Attempts = 5,
                Done = version - 1,
                Last = version,
                Events = 1,
            },
            ContractsJson.Default.HeldRow));
}
