using Accounts.Contracts;
using TestSupport;

namespace Accounts.Processor.Tests.InProcess;

/// <summary>What is awaited of a world.</summary>
internal static class WorldAssertions
{
    /// <summary>The rows of the views are a fold of the log, apart from those that a test leaves out.</summary>
    public static Task ViewsEqualTheLog(this AccountWorld world, Func<KeyValuePair<string, string>, bool>? where = null, TimeSpan? within = null) => Eventually.Holds(
        async () =>
        {
            var at = await world.At();
            Assert.Equal(
                LogFold.Rows(at, await world.ReadAll()).Where(where ?? All).OrderBy(pair => pair.Key),
                LogFold.RowsIn(world.Views.Values, at).Where(where ?? All).OrderBy(pair => pair.Key));

            static bool All(KeyValuePair<string, string> row) => true;
        },
        within ?? TimeSpan.FromSeconds(30));

    /// <summary>The function's checkpoints are at the end of the log.</summary>
    public static Task ReachesTheTail(this AccountWorld world, string function) => Eventually.Holds(async () =>
    {
        var at = await world.At();
        var tails = (await world.ReadAll()).GroupBy(record => record.Position.Partition).Select(records => records.MaxBy(record => record.Position.Position)!.Position);
        Assert.All(tails, tail => Assert.Equal(
            tail.Position, world.Row(RowKeys.Checkpoint(at, function, tail.Partition), ContractsJson.Default.CheckpointRow)!.Position));
    });
}
