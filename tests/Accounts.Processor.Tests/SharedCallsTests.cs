using System.Collections.Concurrent;
using Accounts.Processor.Consumers;
using Microsoft.Extensions.Time.Testing;
using TestSupport;

namespace Accounts.Processor.Tests;

public class SharedCallsTests
{
    private static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongSilence = TimeSpan.FromSeconds(11);

    // Nothing departs before a test says that time has gone by.
    private readonly FakeTimeProvider _time = new();
    private readonly ConcurrentQueue<(string Calls, DateTimeOffset At)> _gone = new();
    private readonly Dictionary<string, TaskCompletionSource> _slow = [];
    private readonly SharedCalls<string, string> _calls;

    public SharedCallsTests()
    {
        _calls = new(
            async (calls, _) =>
            {
                _gone.Enqueue((string.Join(' ', calls), _time.GetUtcNow()));
                foreach (var call in calls)
                {
                    await (call == "bad" ? throw new IOException() : _slow.TryGetValue(call, out var slow) ? slow.Task : Task.CompletedTask);
                }

                return string.Join(' ', calls);
            },
            call => call.Length / 8.0, call => [call], Silence, _time);
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_asked_for_within_a_moment_goes_in_one_call()
    {
        var all = All("a", "b", "c");
        Assert.Empty(_gone);

        _time.Advance(Beat);

        Assert.Equal(["a b c", "a b c", "a b c"], await all);
        Assert.Single(_gone);
    }

    [Fact]
    public async Task A_call_that_comes_later_is_never_answered_by_one_that_has_gone_before()
    {
        _slow["a"] = new();
        var first = Call("a");
        await GoneAsync(1);

        var second = Call("b");
        await GoneAsync(2);

        Assert.Equal("b", await second);
        Assert.False(first.IsCompleted);
        _slow["a"].SetResult();
        Assert.Equal("a", await first);
    }

    [Fact]
    public async Task Who_fails_fails_alone()
    {
        var good = All("a", "b");
        var bad = Call("bad");

        _time.Advance(Beat);

        Assert.Equal(["a", "b"], await good);
        await Assert.ThrowsAsync<IOException>(() => bad);
        Assert.Equal(["a", "a b bad", "b", "bad"], _gone.Select(call => call.Calls).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task What_failed_without_company_is_not_tried_again()
    {
        var bad = Call("bad");

        _time.Advance(Beat);

        await Assert.ThrowsAsync<IOException>(() => bad);
        Assert.Single(_gone);
    }

    [Fact]
    public async Task Nobody_waits_long_for_a_silent_companion_and_for_a_while_all_go_alone()
    {
        _slow["hung"] = new();
        var hung = Call("hung");
        var other = Call("a");
        await GoneAsync(1);
        Assert.False(other.IsCompleted);

        _time.Advance(Silence);

        Assert.Equal("a", await other);
        Assert.False(hung.IsCompleted);
        Assert.Equal("b", await Call("b"));
        _time.Advance(LongSilence);
        var together = All("c", "d");
        _time.Advance(Beat);
        Assert.Equal(["c d", "c d"], await together);
    }

    [Fact]
    public async Task A_call_that_is_silent_when_it_is_alone_keeps_the_others_apart()
    {
        _slow["hung"] = new();
        var hung = Call("hung");
        var other = Call("a");
        await GoneAsync(1);
        _time.Advance(Silence);
        await other;
        await Eventually.True(() => _gone.Any(call => call.Calls == "hung"), "it is tried again, alone");
        _time.Advance(LongSilence);

        _slow["hung"].SetResult();
        await hung;

        Assert.Equal("b", await Call("b"));
    }

    [Fact]
    public async Task Without_company_a_silence_is_waited_for()
    {
        _slow["a"] = new();
        var call = Call("a");
        await GoneAsync(1);
        _time.Advance(LongSilence);

        _slow["a"].SetResult();

        Assert.Equal("a", await call);
        Assert.Single(_gone);
    }

    [Fact]
    public async Task Two_with_the_same_key_go_in_two_calls()
    {
        var all = All("a", "b", "a");

        _time.Advance(Beat);

        Assert.Equal(["a b", "a b", "a"], await all);
    }

    [Fact]
    public async Task No_call_carries_more_than_it_may_and_what_needs_more_than_half_does_not_wait()
    {
        Assert.Equal("large", await Call("large"));
        var all = All("aaa", "bbb", "ccc", "dd");

        _time.Advance(Beat);

        Assert.Equal(["aaa bbb dd", "aaa bbb dd", "ccc", "aaa bbb dd"], await all);
    }

    [Fact]
    public async Task Who_gives_up_takes_nobody_along()
    {
        using var givesUp = new CancellationTokenSource();
        var one = _calls.CallAsync("a", givesUp.Token);
        var other = Call("b");

        await givesUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => one);
        _time.Advance(Beat);

        Assert.Equal("a b", await other);
    }

    [Fact]
    public async Task The_next_call_goes_a_beat_after_the_last_one()
    {
        foreach (var name in (string[])["a", "b"])
        {
            var call = Call(name);
            while (!call.IsCompleted)
            {
                _time.Advance(TimeSpan.FromMilliseconds(1));
                await Task.Yield();
            }
        }

        Assert.True(_gone.Last().At - _gone.First().At >= Beat);
    }

    private Task<string> Call(string call) => _calls.CallAsync(call, Stop);

    private Task<string[]> All(params string[] calls) => Task.WhenAll(calls.Select(Call).ToList());

    /// <summary>A beat goes by, and so many calls have gone then in all.</summary>
    private async Task GoneAsync(int calls)
    {
        _time.Advance(Beat);
        await Eventually.True(() => _gone.Count == calls, "the call has gone");
    }
}
