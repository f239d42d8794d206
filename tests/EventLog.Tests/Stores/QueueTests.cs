namespace EventLog.Tests.Stores;

/// <summary>A partition that gets more commands than it can decide.</summary>
[Collection(OnRealStores.Name)]
public sealed class QueueTests(StoresFixture fixture)
{
    [Fact]
    public async Task A_queue_that_is_full_refuses_at_once_and_has_done_nothing()
    {
        var store = new SlowStore(new PrefixedStore(fixture.Store("sqlite"), "queue."));
        await using var log = await OpenLog.StartAsync(store, queueLimit: 8);
        await log.SubmitAsync("S", "open");

        store.Hold();
        var adding = Enumerable.Range(0, 100).Select(_ => log.SubmitAsync("S", "add")).ToList();
        var refused = adding.Where(add => add.IsFaulted).ToList();
        store.Release();

        Assert.InRange(refused.Count, 50, 92);
        Assert.All(refused, add => Assert.True(Assert.IsType<LogUnavailableException>(add.Exception!.InnerException).NotDone));
        var added = await Task.WhenAll(adding.Except(refused));
        Assert.Equal(adding.Count - refused.Count, added.Max(outcome => outcome.State!.Value));
    }

    /// <summary>Lets no create through while it is held.</summary>
    private sealed class SlowStore(IStateStore inner) : IStateStore
    {
        private volatile TaskCompletionSource? _held;

        public string Name => inner.Name;

        public void Hold() => _held = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Release() => _held!.SetResult();

        public Task<string?> DescribeAsync(CancellationToken cancellation) => inner.DescribeAsync(cancellation);

        public Task DeleteAsync(string key, CancellationToken cancellation) => inner.DeleteAsync(key, cancellation);

        public Task<StoredValue?> ReadAsync(string key, CancellationToken cancellation) => inner.ReadAsync(key, cancellation);

        public Task<IReadOnlyDictionary<string, StoredValue>> ReadManyAsync(IReadOnlyList<string> keys, CancellationToken cancellation) =>
            inner.ReadManyAsync(keys, cancellation);

        public async Task CreateAsync(string key, ReadOnlyMemory<byte> value, CancellationToken cancellation)
        {
            await (_held?.Task ?? Task.CompletedTask).WaitAsync(cancellation);
            await inner.CreateAsync(key, value, cancellation);
        }

        public Task ReplaceAsync(string key, ReadOnlyMemory<byte> value, string etag, CancellationToken cancellation) =>
            inner.ReplaceAsync(key, value, etag, cancellation);

        public Task TransactAsync(IReadOnlyList<StateWrite> writes, CancellationToken cancellation) => inner.TransactAsync(writes, cancellation);
    }
}
