using Accounts.Domain;
using Accounts.Processor.Consumers;
using Accounts.Processor.Tests.InProcess;
using EventLog;
using Microsoft.Extensions.Logging.Abstractions;

namespace Accounts.Processor.Tests;

public class RecordWindowTests
{
    private const string Number = "A-1";
    private readonly Outage _outage = new("the log", TimeProvider.System, new Random(1), NullLogger.Instance);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_wake_up_that_is_old_leads_to_the_end_all_the_same_and_nothing_is_read_before_the_next()
    {
        await using var world = new AccountWorld();
        await world.Create(Number);
        await world.Send(Number, new AccountCommand.Confirm());
        await world.Send(Number, new AccountCommand.Activate());
        for (var version = 4; version <= 10; version++)
        {
            await world.Send(Number, version % 2 == 0 ? new AccountCommand.Suspend() : new AccountCommand.Activate());
        }

        // The writer looks at single keys now and then.
        var reads = 0;
        world.Records.BeforeRead = keys => reads += keys.Count > 1 ? 1 : 0;
        using var window = new RecordWindow(world.Reader, Keys.PartitionOf(Number, AccountWorld.Partitions), _outage);
        window.Wake(1);

        Assert.Equal(10, await ToTheEnd(0));

        var before = reads;
        Assert.Equal(10, await ToTheEnd(10));
        Assert.Equal(before, reads);

        // Who is told of the newest position at once reads once.
        await world.Send(Number, new AccountCommand.Activate());
        before = reads;
        Assert.True(window.Wake(11));
        Assert.Equal(11, await ToTheEnd(10));
        Assert.Equal(before + 1, reads);
        Assert.False(window.Wake(9));

        async Task<long> ToTheEnd(long after)
        {
            while (await window.ReadAsync(after, 1_000, Stop) is { Count: > 0 } records)
            {
                after = records[^1].Position;
            }

            return after;
        }
    }
}
