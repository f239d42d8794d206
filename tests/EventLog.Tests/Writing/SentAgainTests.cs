using System.Diagnostics;
using EventLog.Tests.Simulation;
using EventLog.Tests.Stores;

namespace EventLog.Tests.Writing;

/// <summary>A command whose outcome is unknown, sent again under the id that came with that answer.</summary>
[Collection(OnRealStores.Name)]
public sealed class SentAgainTests(StoresFixture fixture)
{
    [Fact]
    public async Task A_command_that_another_replica_has_recorded_meanwhile_is_not_decided_again_by_the_first()
    {
        var store = new PrefixedStore(fixture.Store("sqlite"), "repeat.");
        var slow = new WatchedStore(store);
        await using var first = await OpenLog.StartAsync(slow, answerWithin: TimeSpan.FromSeconds(1));
        await using var other = await OpenLog.StartAsync(store);
        await first.SubmitAsync("S", "open");
        var held = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        slow.BeforeCreate = _ => held.Task;

        var unknown = await Assert.ThrowsAsync<LogUnavailableException>(() => first.SubmitAsync("S", "add"));
        Assert.False(unknown.NotDone);
        var answer = await other.SubmitAsync("S", "add", key: unknown.CommandId);
        slow.BeforeCreate = _ => Task.CompletedTask;
        held.SetResult();

        Assert.Equal((OutcomeKind.Appended, 2), (answer.Kind, answer.Version));
        Assert.Equal(2, (await first.ReadAsync("S")).Version);
        Assert.Null(await store.ReadAsync(Keys.Record(0, 3), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Nobody_waits_longer_than_3_s_for_an_owner_that_says_it_works_and_never_ends()
    {
        var store = new PrefixedStore(fixture.Store("sqlite"), "works.");
        var held = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var slow = new WatchedStore(store);
        await using var owner = await OpenLog.StartAsync(slow);
        await using var other = await OpenLog.StartAsync(store, holder: owner);
        await other.SubmitAsync("S", "open");
        slow.BeforeCreate = _ => held.Task;

        var began = Stopwatch.GetTimestamp();
        var unknown = await Assert.ThrowsAsync<LogUnavailableException>(() => other.SubmitAsync("S", "add"));

        Assert.False(unknown.NotDone);
        Assert.InRange(Stopwatch.GetElapsedTime(began), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3));
        slow.BeforeCreate = _ => Task.CompletedTask;
        held.SetResult();
        Assert.Equal(2, (await other.SubmitAsync("S", "add", key: unknown.CommandId)).Version);
    }
}
