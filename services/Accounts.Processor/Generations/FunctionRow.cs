using Accounts.Contracts;

namespace Accounts.Processor.Generations;

/// <summary>
/// What operators want of a function. Every replica of every deployment that hosts it reads the row twice a second, so
/// that nothing has to be restarted, and all of it survives restarts.
/// </summary>
internal sealed record FunctionRow
{
    /// <summary>It takes no events until it is resumed.</summary>
    public bool Paused { get; init; }

    /// <summary>Changes whenever something is asked of accounts that the function holds back.</summary>
    public long Attention { get; init; }

    public static string Key(string logId, string function) => RowKeys.Row(new ViewPointer(logId, "1"), "function", function);
}
