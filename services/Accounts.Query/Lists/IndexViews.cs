using Accounts.Contracts;
using ServiceDefaults;

namespace Accounts.Query.Lists;

/// <summary>The index in the generation that its pointer names.</summary>
internal sealed class IndexViews(ViewRows views, StateReader state, TimeProvider time)
{
    private readonly IndexMemory _memory = new(time);

    /// <summary>Null when there is no index (yet).</summary>
    public async Task<IndexReader?> OpenAsync(CancellationToken cancellation) =>
        await views.PointerAsync(Views.Index) is { } at
            ? new IndexReader(
                (keys, stop) => state.ReadManyAsync(Components.Views, keys, stop), at, await views.PartitionsAsync(at, Views.Index, cancellation), _memory)
            : null;
}
