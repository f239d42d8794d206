using System.Text.Json;
using Accounts.Contracts;
using Accounts.Processor.Consumers;
using Accounts.Processor.Functions;
using Accounts.Processor.Generations;
using Accounts.Processor.Parking;
using EventLog;

namespace Accounts.Processor.Users;

/// <summary>What the index knows of a user's accounts, and which of them it holds back and so does not show as they are.</summary>
internal sealed class UserIndex(LogReader log, IStateStore views, TimeProvider time, Random chance)
{
    private const int AccountsAtOnce = 100;
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    /// <summary>Waits until the index has come to these positions.</summary>
    public async Task<ViewPointer> UpToAsync(long[] ends, CancellationToken cancellation)
    {
        while (true)
        {
            if (await ReadAsync(RowKeys.PointerTo(Views.Index), ContractsJson.Default.ViewPointer, cancellation) is { } at)
            {
                var keys = Enumerable.Range(0, ends.Length).Select(partition => RowKeys.Checkpoint(at, Views.Index, partition)).ToList();
                var found = await views.ReadManyAsync(keys, cancellation);
                var there = keys.Where((key, partition) => found.TryGetValue(key, out var stored) && Checkpoint.Parse(stored).Position >= ends[partition]);
                if (there.Count() == ends.Length)
                {
                    return at;
                }
            }

            await Task.Delay(Look * (0.75 + (0.5 * chance.NextDouble())), time, cancellation);
        }
    }

    /// <summary>The rows of a tree.</summary>
    public async IAsyncEnumerable<IndexRow> RowsAsync(
        ViewPointer at, IndexTree tree, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        var labels = new Stack<string>([IndexTree.Top]);
        while (labels.TryPop(out var label))
        {
            if (await ReadAsync(tree.Key(at, label), ContractsJson.Default.IndexRow, cancellation) is { } row)
            {
                foreach (var below in row.Below)
                {
                    labels.Push(below.Label);
                }

                yield return row;
            }
        }
    }

    /// <summary>The user's accounts that the index holds back: they may be in any status.</summary>
    public async Task<IReadOnlyList<HeldRow>> HeldAsync(ViewPointer at, int partitions, long user, CancellationToken cancellation)
    {
        var pages = Enumerable.Range(0, partitions).SelectMany(partition => HeldDirectory.Keys(at, Views.Index, partition)).ToList();
        var accounts = (await views.ReadManyAsync(pages, cancellation)).Values.SelectMany(page => HeldDirectory.Parse(page).Accounts).Distinct();
        var held = new List<HeldRow>();
        foreach (var portion in accounts.Chunk(AccountsAtOnce))
        {
            var rows = (await new HeldRows(at, Views.Index, views).ReadAsync(portion, cancellation)).Where(row => row.State != HeldStates.Released).ToList();
            var records = rows.Count == 0 ? [] : await log.ReadAsync([.. rows.Select(row => (row.Partition, row.Position - 1))], 1, cancellation);
            foreach (var (row, found) in rows.Zip(records))
            {
                if (await UserOfAsync(at, row, found, cancellation) == user)
                {
                    held.Add(row);
                }
            }
        }

        return held;
    }

    /// <summary>Whose account it is, by the event that is held, else by the account's entry, which is older: a user never changes.</summary>
    private async Task<long> UserOfAsync(ViewPointer at, HeldRow row, IReadOnlyList<LogRecord> record, CancellationToken cancellation)
    {
        var recorded = record.SelectMany(found => found.Events).First(recorded => recorded.Stream == row.Account && recorded.Version == row.Version);
        if (new LoggedEvent(recorded).User is { } user)
        {
            return user;
        }

        var place = new IndexTree(row.Partition).Key(at, IndexTree.Path(recorded.StreamOrdinal)[^1]);
        var entries = (await ReadAsync(place, ContractsJson.Default.IndexRow, cancellation))?.Entries ?? [];
        return entries.FirstOrDefault(entry => entry.Ordinal == recorded.StreamOrdinal)?.Account.UserId
            ?? throw new InvalidOperationException($"Nothing tells whose account {row.Account} is.");
    }

    private async Task<T?> ReadAsync<T>(string key, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> json, CancellationToken cancellation)
        where T : class => await views.ReadAsync(key, cancellation) is { } stored ? JsonSerializer.Deserialize(stored.Value.Span, json) : null;
}
