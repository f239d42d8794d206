using System.Collections.Concurrent;
using Accounts.Contracts;
using ServiceDefaults;

namespace Accounts.Query.Lists;

/// <summary>The index in the generation that its pointer names.</summary>
internal sealed class IndexViews(ViewRows views, StateReader state)
{
    private const int PartitionsTogether = 16;

    // A log never changes its number of partitions.
    private readonly ConcurrentDictionary<ViewPointer, int> _partitions = new();

    /// <summary>Null when there is no index (yet).</summary>
    public async Task<IndexReader?> OpenAsync(CancellationToken cancellation)
    {
        if (await views.PointerAsync(Views.Index) is not { } at)
        {
            return null;
        }

        if (!_partitions.TryGetValue(at, out var partitions))
        {
            _partitions[at] = partitions = await CountPartitionsAsync(at, cancellation);
        }

        return new IndexReader((keys, stop) => state.ReadManyAsync(Components.Views, keys, stop), at, partitions);
    }

    /// <summary>Every partition has a checkpoint before there is a pointer.</summary>
    private async Task<int> CountPartitionsAsync(ViewPointer at, CancellationToken cancellation)
    {
        for (var partitions = 0; ;)
        {
            var keys = Enumerable.Range(partitions, PartitionsTogether).Select(partition => RowKeys.Checkpoint(at, Views.Index, partition)).ToList();
            var found = await state.ReadManyAsync(Components.Views, keys, cancellation);
            partitions += keys.TakeWhile(found.ContainsKey).Count();
            if (found.Count < PartitionsTogether)
            {
                return partitions;
            }
        }
    }
}
