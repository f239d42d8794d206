using System.Text.Json;
using Accounts.Processor.Tests.RealProcesses;
using TestSupport;

namespace Accounts.Processor.Tests;

/// <summary>Another microservice, which knows the topic and nothing else of us.</summary>
public class SubscriberTests
{
    [Fact]
    public async Task A_subscriber_gets_every_event_and_can_order_and_deduplicate_although_the_processor_is_killed()
    {
        await using var subscriber = await RecordingApp.StartAsync(
            """[{"pubsubname":"events","topic":"account-events","routes":{"default":"/account-events"}}]""", config: null);
        await using var system = await RunningSystem.Start(processors: 1, subscriber: subscriber);
        system.StartProcessor(1);
        await system.ProcessorReady(1);
        using var done = new CancellationTokenSource();
        var load = system.Load(clients: 3, done.Token);
        await system.Progress(40);
        await system.KillProcessor(1);
        system.StartProcessor(1);
        await system.Progress(20);
        await done.CancelAsync();
        await load;
        await system.ViewsEqualTheLog();

        await Eventually.Holds(
            async () =>
            {
                var description = await system.Log.DescribeAsync(TestContext.Current.CancellationToken);
                var logged = new List<(string Account, long Version, string Id)>();
                for (var partition = 0; partition < description.Partitions; partition++)
                {
                    for (long after = 0; await system.Log.ReadAsync(partition, after, 50, TestContext.Current.CancellationToken) is { Count: > 0 } page; after += page.Count)
                    {
                        logged.AddRange(page.SelectMany(record => record.Events).Select(recorded => (recorded.Stream, recorded.Version, recorded.EventId)));
                    }
                }

                var received = subscriber.At("/account-events").Select(asked => asked.Json).DistinctBy(e => e.GetProperty("id").GetString()).Select(Told).ToList();
                Assert.Equal(logged.Order(), received.Order());
            },
            TimeSpan.FromSeconds(30));
    }

    private static (string Account, long Version, string Id) Told(JsonElement received) => (
        received.GetProperty("subject").GetString()!,
        received.GetProperty("data").GetProperty("version").GetInt64(),
        received.GetProperty("id").GetString()!);
}
