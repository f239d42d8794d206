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
            var records = await world.ReadAll();
            Assert.Equal(
                LogFold.Rows(at, records).Where(where ?? All).OrderBy(pair => pair.Key),
                LogFold.RowsIn(world.Views.Values, at).Where(where ?? All).OrderBy(pair => pair.Key));
            Assert.Equal(
                LogFold.IndexRows(at, records).Where(where ?? All).OrderBy(pair => pair.Key),
                LogFold.IndexRowsIn(world.Views.Values, at).Where(where ?? All).OrderBy(pair => pair.Key));

            static bool All(KeyValuePair<string, string> row) => true;
        },
        within ?? TimeSpan.FromSeconds(30));

    /// <summary>The rows of one generation of a view are a fold of the log.</summary>
    public static Task GenerationEqualsTheLog(this AccountWorld world, string view, string generation) => Eventually.Holds(
        async () =>
        {
            var at = (await world.At()) with { Generation = generation };
            var prefix = RowKeys.Row(at, view, "");
            Assert.Equal(
                LogFold.Rows(at, await world.ReadAll()).Where(row => row.Key.StartsWith(prefix, StringComparison.Ordinal)).OrderBy(pair => pair.Key),
                LogFold.RowsIn(world.Views.Values, at).Where(row => row.Key.StartsWith(prefix, StringComparison.Ordinal)).OrderBy(pair => pair.Key));
        },
        TimeSpan.FromSeconds(30));

    /// <summary>The generation of a view that is queried, once no change is under way.</summary>
    public static async Task<string> Live(this AccountWorld world, Replica replica, string view) => await Eventually.Gives(
        async () =>
        {
            var at = await replica.Operator();
            var control = (await at.Controls.ReadAsync([Operations.Operator.Find(view)!], CancellationToken.None))[view];
            Assert.Null(control.Row.Change);
            Assert.Null(control.Pointer.Changing);
            return control.Live;
        },
        TimeSpan.FromSeconds(30));

    /// <summary>The function's checkpoints are at the end of the log.</summary>
    public static Task ReachesTheTail(this AccountWorld world, string function) => Eventually.Holds(async () =>
    {
        var at = await world.At();
        var tails = (await world.ReadAll()).GroupBy(record => record.Position.Partition).Select(records => records.MaxBy(record => record.Position.Position)!.Position);
        Assert.All(tails, tail => Assert.Equal(
            tail.Position, world.Row(RowKeys.Checkpoint(at, function, tail.Partition), ContractsJson.Default.CheckpointRow)!.Position));
    });
}
