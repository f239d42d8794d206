namespace Accounts.Processor.Consumers;

/// <summary>Work that is done several at a time, and whose end is waited for at a stop.</summary>
internal static class UntilStopped
{
    /// <summary>
    /// Does all, so many at once. A stop lets nothing more begin, and fails only if that leaves something out: what was wholly done
    /// counts as done, and nobody does it again. (A token given to <see cref="Parallel"/> makes it fail in any case.)
    /// </summary>
    /// <param name="all">What is to be done.</param>
    /// <param name="most">How many at once.</param>
    /// <param name="work">Does one.</param>
    /// <param name="stopping">Begin nothing more.</param>
    /// <exception cref="OperationCanceledException">The stop came before all had begun.</exception>
    public static Task ForEachAsync<T>(IEnumerable<T> all, int most, Func<T, Task> work, CancellationToken stopping) =>
        Parallel.ForEachAsync(all, new ParallelOptions { MaxDegreeOfParallelism = most }, async (one, _) =>
        {
            stopping.ThrowIfCancellationRequested();
            await work(one);
        });
}
