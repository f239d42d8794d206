using System.Collections.Concurrent;
using EventLog.Tests.Simulation;
using TestSupport;

namespace EventLog.Tests.Stores;

/// <summary>A partition that gets more commands than it can decide.</summary>
[Collection(OnRealStores.Name)]
public sealed class QueueTests(StoresFixture fixture)
{
    [Fact]
    public async Task A_queue_that_is_full_refuses_at_once_and_has_done_nothing()
    {
        var store = new WatchedStore(new PrefixedStore(fixture.Store("sqlite"), "queue."));
        await using var log = await OpenLog.StartAsync(store, queueLimit: 8);
        await log.SubmitAsync("S", "open");

        var held = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        store.BeforeCreate = _ => held.Task;
        var opening = new List<Task<Outcome<Tally>>>();
        for (var i = 0; i < 100; i++)
        {
            opening.Add(log.SubmitAsync($"S-{i}", "open"));

            // Meanwhile the writer looks for what it needs next.
            await store.ReadAsync(Keys.Log, TestContext.Current.CancellationToken);
        }

        var refused = opening.Where(open => open.IsFaulted).ToList();
        held.SetResult();

        // Eight wait, and as many at most have been taken up.
        Assert.InRange(refused.Count, 84, 92);
        Assert.All(refused, open => Assert.True(Assert.IsType<LogUnavailableException>(open.Exception!.InnerException).NotDone));
        Assert.All(await Task.WhenAll(opening.Except(refused)), outcome => Assert.Equal(OutcomeKind.Appended, outcome.Kind));
        Assert.Equal(0, (await log.ReadAsync("S-99")).Version);
    }

    [Fact]
    public async Task What_is_due_by_time_is_done_although_commands_always_wait()
    {
        var store = new WatchedStore(new PrefixedStore(fixture.Store("sqlite"), "steady."));
        await using var log = await OpenLog.StartAsync(store);
        await log.SubmitAsync("S", "open");
        var adding = new ConcurrentBag<Task>();

        // At the end of each batch the next command has come already.
        store.BeforeCreate = key =>
        {
            adding.Add(log.SubmitAsync("S", "add"));
            return Task.CompletedTask;
        };
        adding.Add(log.SubmitAsync("S", "add"));
        await Eventually.True(
            async () => await store.ReadAsync(Keys.Head(0), CancellationToken.None) is { } head && Head.Read(head.Value).Position > 1,
            "snapshots have been saved and the head has moved");

        store.BeforeCreate = _ => Task.CompletedTask;
        await Task.WhenAll(adding);
    }
}
