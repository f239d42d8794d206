using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using TestSupport;

namespace EventLog.Tests.Writing;

public class WakeUpTests
{
    private static readonly TimeSpan LongestRest = TimeSpan.FromMilliseconds(50);

    private readonly FakeTimeProvider _time = new();
    private readonly ConcurrentQueue<string> _published = new();
    private Func<CancellationToken, Task> _broker = _ => Task.CompletedTask;

    [Fact]
    public async Task The_first_is_told_at_once_and_then_the_newest_of_all_that_have_grown_in_one_message()
    {
        var sender = Sender();
        sender.Send(3, 118);
        sender.Send(3, 119);
        sender.Send(0, 7);
        sender.Send(3, 120);
        Assert.Equal(["3:118"], _published);

        await RestAsync(2);
        Assert.Equal("0:7 3:120", _published.Last());

        await RestAsync(2);
        sender.Send(1, 1);
        await Eventually.Holds(() => Assert.Equal("1:1", _published.Last()));
    }

    [Fact]
    public async Task While_a_message_is_under_way_none_follows_and_a_broker_that_hangs_is_left_after_a_while()
    {
        _broker = limit => Task.Delay(Timeout.Infinite, limit);
        var sender = Sender();
        sender.Send(3, 118);
        sender.Send(3, 119);
        await RestAsync(1);
        Assert.Equal(["3:118"], _published);

        _broker = _ => throw new IOException();
        _time.Advance(TimeSpan.FromSeconds(2));
        await RestAsync(2);

        Assert.Equal(["3:118", "3:119"], _published);
        sender.Send(3, 120);
        await RestAsync(3);
    }

    [Fact]
    public void Who_reads_one_partition_only_finds_it_where_it_always_was()
    {
        Assert.Equal("""{"partition":3,"position":118}""", JsonSerializer.Serialize(new WakeUp(3, 118), JsonSerializerOptions.Web));
        Assert.Equal(
            """{"partition":3,"position":118,"others":[{"partition":5,"position":1}]}""",
            JsonSerializer.Serialize(new WakeUp(3, 118, [new WakeUp(5, 1)]), JsonSerializerOptions.Web));
    }

    private WakeUpSender Sender() => new(
        (wakeUp, limit) =>
        {
            _published.Enqueue(string.Join(' ', new[] { wakeUp }.Concat(wakeUp.Others ?? []).Select(grown => $"{grown.Partition}:{grown.Position}")));
            return _broker(limit);
        },
        8, _time, NullLogger.Instance);

    /// <summary>The rest is over, and so many messages were published in all.</summary>
    private async Task RestAsync(int published)
    {
        await Eventually.True(
            () =>
            {
                _time.Advance(LongestRest);
                return _published.Count >= published;
            },
            "the message is published");
        Assert.Equal(published, _published.Count);
    }
}
