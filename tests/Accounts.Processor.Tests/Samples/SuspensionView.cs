using System.Text.Json.Serialization;
using Accounts.Contracts;
using Accounts.Processor.Consumers;

namespace Accounts.Processor.Functions;

/// <summary>Why an account was last suspended. One row for each account that ever was.</summary>
internal static class SuspensionView
{
    public static Function.View Function { get; } = new()
    {
        Name = "suspension",
        Events = new HashSet<string> { "ACCOUNT_SUSPENDED" },
        Reads = (at, logged) => [new RowRead(Key(at, logged.Account))],
        Fold = (at, logged, rows) => rows.Get(Key(at, logged.Account), SuspensionJson.Default.SuspensionRow) is { } row && row.Version >= logged.Version
            ? []
            : [RowWrite.Changing(Key(at, logged.Account), new SuspensionRow(logged.Version, AccountRows.ReasonOf(logged.Event)), SuspensionJson.Default.SuspensionRow)],
    };

    public static string Key(ViewPointer at, string account) => RowKeys.Row(at, "suspension", RowKeys.Escape(account));
}

internal sealed record SuspensionRow(long Version, string? Reason);

[JsonSerializable(typeof(SuspensionRow))]
internal sealed partial class SuspensionJson : JsonSerializerContext;
