using System.Text.Json;

namespace EventLog;

/// <summary>A stream as it was when snapshots were captured.</summary>
internal sealed record CapturedStream<TState>(
    StreamEntry<TState> Entry, TState? State, long Version, long Ordinal, Remembered<TState>[] Keyed, JsonElement? UnreadState, UnreadEvent[] Unread, bool HasSnapshot)
    where TState : class;

/// <summary>
/// Saves snapshots and moves the head after them. Works beside the writer, on what was captured, and tells it at the end.
/// </summary>
internal sealed class SnapshotWriter<TState, TCommand, TEvent>(
    IStateStore store, int partition, PartitionMemory<TState, TCommand, TEvent> memory, StoreAbilities abilities)
    where TState : class
    where TCommand : class
    where TEvent : class
{
    private const int PageStreams = 50;
    private const int PageBytes = 512 * 1024;
    private const int Tries = 3;

    // Streams stay in memory until they are saved: one page after the other would be slower than an import.
    private const int PagesTogether = 4;

    /// <summary>Takes every stream of which something was recorded that no snapshot covers.</summary>
    public IReadOnlyList<CapturedStream<TState>> Capture() =>
        [.. memory.Dirty.Select(entry => new CapturedStream<TState>(
            entry, entry.State, entry.Version, entry.Ordinal, entry.Keyed?.ToArray() ?? [], entry.Unread?.State, entry.Unread?.Events.ToArray() ?? [], entry.HasSnapshot))];

    /// <summary>Saves them, each covering the position, unless the store has one that covers more.</summary>
    public async Task SaveAsync(IReadOnlyList<CapturedStream<TState>> streams, long position, CancellationToken cancellation)
    {
        var pages = Pages(streams.Select(stream => new Saving(stream, KeyOf(stream), Write(stream, position))));
        foreach (var together in pages.Chunk(PagesTogether))
        {
            await Task.WhenAll(together.Select(page => SavePageAsync(page, position, cancellation)));
        }
    }

    private async Task SavePageAsync(IReadOnlyList<Saving> page, long position, CancellationToken cancellation)
    {
        for (var tries = 1; page.Count > 0; tries++)
        {
            page = await TryPageAsync(page, position, known: tries > 1, cancellation);
            if (page.Count > 0 && tries == Tries)
            {
                throw new IOException($"Snapshots of partition {partition} could not be saved, among them that of '{page[0].Stream.Entry.Name}'.");
            }
        }
    }

    /// <summary>Pages of so many snapshots, and so many bytes, as one call to the store may have.</summary>
    private static IEnumerable<List<Saving>> Pages(IEnumerable<Saving> snapshots)
    {
        var page = new List<Saving>(PageStreams);
        var bytes = 0;
        foreach (var snapshot in snapshots)
        {
            if (page.Count == PageStreams || (page.Count > 0 && bytes + snapshot.Value.Length > PageBytes))
            {
                yield return page;
                (page, bytes) = (new List<Saving>(PageStreams), 0);
            }

            page.Add(snapshot);
            bytes += snapshot.Value.Length;
        }

        if (page.Count > 0)
        {
            yield return page;
        }
    }

    /// <summary>Moves the head on, unless it is further already.</summary>
    public async Task MoveHeadAsync(Head head, CancellationToken cancellation)
    {
        var key = Keys.Head(partition);
        if (await store.ReadAsync(key, cancellation) is not { } stored)
        {
            await store.CreateAsync(key, head.Write(), cancellation);
        }
        else if (Head.Read(stored.Value).Position < head.Position)
        {
            await store.ReplaceAsync(key, head.Write(), stored.ETag, cancellation);
        }
    }

    /// <summary>One try at a page; returns what is not known to be saved.</summary>
    private async Task<IReadOnlyList<Saving>> TryPageAsync(
        IReadOnlyList<Saving> page, long position, bool known, CancellationToken cancellation)
    {
        // A stream that had no snapshot when it was read is created without looking; after a failure all are looked at.
        var toRead = page.Where(s => known || s.Stream.HasSnapshot).Select(s => s.Key).ToArray();
        var stored = await store.ReadManyAsync(toRead, cancellation);
        var writes = new List<(Saving Saving, StateWrite Write)>(page.Count);
        foreach (var saving in page)
        {
            if (!stored.TryGetValue(saving.Key, out var there))
            {
                writes.Add((saving, new StateWrite(saving.Key, saving.Value, WriteCondition.Missing)));
            }
            else if (StoredSnapshot.Read(there.Value).Position < position)
            {
                writes.Add((saving, new StateWrite(saving.Key, saving.Value, WriteCondition.Unchanged, there.ETag)));
            }
        }

        var failed = new List<Saving>();
        var together = writes.Where(w => abilities.TransactionsHonourCreates || w.Write.Condition is not WriteCondition.Missing).ToArray();
        if (together.Length > 0)
        {
            try
            {
                await store.TransactAsync([.. together.Select(w => w.Write)], cancellation);
            }
            catch (Exception) when (!cancellation.IsCancellationRequested)
            {
                failed.AddRange(together.Select(w => w.Saving));
            }
        }

        if (!abilities.TransactionsHonourCreates)
        {
            await Task.WhenAll(writes.Where(w => w.Write.Condition is WriteCondition.Missing).Select(async w =>
            {
                try
                {
                    await store.CreateAsync(w.Write.Key, w.Write.Value, cancellation);
                }
                catch (Exception) when (!cancellation.IsCancellationRequested)
                {
                    lock (failed)
                    {
                        failed.Add(w.Saving);
                    }
                }
            }));
        }

        return failed;
    }

    private sealed record Saving(CapturedStream<TState> Stream, string Key, byte[] Value);

    private string KeyOf(CapturedStream<TState> stream) => Keys.Snapshot(partition, stream.Entry.Name);

    private byte[] Write(CapturedStream<TState> stream, long position) => new StoredSnapshot
    {
        Position = position,
        Version = stream.Version - stream.Unread.Length,
        Ordinal = stream.Ordinal,
        State = stream.UnreadState ?? memory.ToJson(stream.State),
        Keyed = [.. stream.Keyed.Select(memory.Write)],
        Unread = stream.Unread,
    }.Write();
}
