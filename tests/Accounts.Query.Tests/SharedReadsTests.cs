using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using TestSupport;

namespace Accounts.Query.Tests;

public class SharedReadsTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(0.25);

    private readonly FakeTimeProvider _time = new();
    private readonly ConcurrentQueue<string> _gone = new();
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _slow = new();
    private readonly SharedReads _reads;

    public SharedReadsTests()
    {
        _reads = new(
            async (key, cancellation) =>
            {
                await Leave([key]).WaitAsync(cancellation);
                return Row(key);
            },
            async keys =>
            {
                await Leave(keys);
                return keys.Where(key => Row(key) is not null).ToDictionary(key => key, key => Row(key)!.Value);
            },
            _time);
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Who_comes_while_little_is_under_way_reads_at_once_and_alone()
    {
        Assert.Equal("a", await ReadAsync("a"));
        Assert.Null(await ReadAsync("missing"));

        Assert.Equal(["a", "missing"], _gone);
    }

    [Fact]
    public async Task Who_comes_while_calls_are_under_way_goes_with_all_others_in_the_next_one()
    {
        var busy = await BusyAsync();

        string[] keys = ["a", "b", "missing", "a"];
        var all = keys.Select(key => ReadAsync(key)).ToList();
        Assert.Equal(2, _gone.Count);
        _slow["busy1"].SetResult();

        Assert.Equal<string?[]>(["a", "b", null, "a"], await Task.WhenAll(all));
        Assert.Equal("a b missing", _gone.Last());
        await EndAsync(busy);
    }

    [Fact]
    public async Task A_call_takes_only_whoever_came_before_it()
    {
        var busy = await BusyAsync();
        _slow["a"] = new();
        var first = ReadAsync("a");
        _slow["busy1"].SetResult();
        await Eventually.True(() => _gone.Contains("a"), "the first goes");

        // The row may have changed since the call left, so that its answer would be no answer to this one.
        var second = ReadAsync("a");
        _slow["busy2"].SetResult();
        await Eventually.True(() => _gone.Count == 4, "the second goes in a call of its own");
        Assert.False(first.IsCompleted || second.IsCompleted);

        _slow["a"].SetResult();
        Assert.Equal<string?[]>(["a", "a"], await Task.WhenAll(first, second));
        await EndAsync(busy);
    }

    [Fact]
    public async Task Who_fails_fails_alone()
    {
        var busy = await BusyAsync();
        var (good, bad) = (ReadAsync("a"), ReadAsync("bad"));
        _slow["busy1"].SetResult();

        Assert.Equal("a", await good);
        await Assert.ThrowsAsync<IOException>(() => bad);
        Assert.Equal(["a", "a bad", "bad"], _gone.Skip(2).Order(StringComparer.Ordinal));
        await EndAsync(busy);
        Assert.Equal("b", await ReadAsync("b"));
    }

    [Fact]
    public async Task Nobody_waits_long_for_others()
    {
        var busy = await BusyAsync();
        var waiting = ReadAsync("a");
        Assert.False(waiting.IsCompleted);

        _time.Advance(Patience);

        Assert.Equal("a", await waiting.WaitAsync(TimeSpan.FromSeconds(10), Stop));
        Assert.Equal(3, _gone.Count);
        await EndAsync(busy);

        // Nobody reads it once more, and there is room again.
        Assert.Equal("b", await ReadAsync("b"));
        Assert.Equal(["a", "b"], _gone.Skip(2));
    }

    [Fact]
    public async Task Who_gives_up_stops_nobody_else()
    {
        var busy = await BusyAsync();
        using var impatient = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        var (leaving, staying) = (ReadAsync("a", impatient.Token), ReadAsync("b"));

        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving);
        _slow["busy1"].SetResult();

        Assert.Equal("b", await staying);
        Assert.Equal("b", _gone.Last());
        await EndAsync(busy);
    }

    /// <summary>As many reads as may be under way, which take until they are told to end.</summary>
    private async Task<Task> BusyAsync()
    {
        (_slow["busy1"], _slow["busy2"]) = (new(), new());
        var busy = Task.WhenAll(ReadAsync("busy1"), ReadAsync("busy2"));
        await Eventually.True(() => _gone.Count == 2, "both are under way");
        return busy;
    }

    private async Task EndAsync(Task busy)
    {
        foreach (var slow in _slow.Values)
        {
            slow.TrySetResult();
        }

        await busy;
    }

    private async Task Leave(IReadOnlyList<string> keys)
    {
        _gone.Enqueue(string.Join(' ', keys));
        foreach (var key in keys)
        {
            await (key == "bad" ? throw new IOException() : _slow.TryGetValue(key, out var slow) ? slow.Task : Task.CompletedTask);
        }
    }

    private static ReadOnlyMemory<byte>? Row(string key) => key == "missing" ? (ReadOnlyMemory<byte>?)null : Encoding.UTF8.GetBytes(key);

    private async Task<string?> ReadAsync(string key, CancellationToken? cancellation = null) =>
        await _reads.ReadAsync(key, cancellation ?? Stop) is { } row ? Encoding.UTF8.GetString(row.Span) : null;
}
