using System.Text.Json;
using Accounts.Domain;
using Accounts.Processor.Consumers;
using Accounts.Processor.Functions;
using Accounts.Processor.Tests.InProcess;
using EventLog;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using TestSupport;
using Autogen = Dapr.Client.Autogen.Grpc.v1;

namespace Accounts.Processor.Tests;

/// <summary>What other microservices get of the log.</summary>
public class PublisherTests
{
    [Fact]
    public async Task Every_event_is_published_as_a_cloud_event_with_the_attributes_that_are_promised()
    {
        await using var world = new AccountWorld();
        world.Start("Functions=account-events");
        await world.Commands.SubmitAsync(
            new Submission<AccountCommand>
            {
                Stream = "A-1",
                Command = new AccountCommand.Create("A-1", 7, false),
                Fingerprint = "f",
                CorrelationId = "c",
                CausationId = "because",
                TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            },
            TestContext.Current.CancellationToken);

        await Eventually.True(() => world.Broker.Messages.Any(), "the event is published");
        var message = world.Broker.Messages.Single();
        var log = (await world.Reader.DescribeAsync(TestContext.Current.CancellationToken)).Id;
        var recorded = (await world.ReadAll()).SelectMany(record => record.Events).Single();
        var attributes = message.Event.EnumerateObject().ToDictionary(member => member.Name, member => member.Value.ToString());
        Assert.Equal("events/account-events", message.Topic);
        Assert.Equal("A-1", message.PartitionKey);
        Assert.Equal("application/cloudevents+json", message.ContentType);
        Assert.Equal("1.0", attributes["specversion"]);
        Assert.Equal($"{log}-{recorded.Position.Partition}-1-0", attributes["id"]);
        Assert.Equal("urn:accounts", attributes["source"]);
        Assert.Equal("ACCOUNT_CREATED.v1", attributes["type"]);
        Assert.Equal("A-1", attributes["subject"]);
        Assert.Equal("A-1", attributes["partitionkey"]);
        Assert.Equal("1", attributes["accountversion"]);
        Assert.Equal("c", attributes["correlationid"]);
        Assert.Equal("because", attributes["causationid"]);
        Assert.Equal("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", attributes["traceparent"]);
        Assert.Equal("application/json", attributes["datacontenttype"]);
        Assert.Equal(recorded.Time, DateTimeOffset.Parse(attributes["time"], System.Globalization.CultureInfo.InvariantCulture));
        var data = message.Event.GetProperty("data");
        Assert.Equal("ACCOUNT_CREATED", data.GetProperty("type").GetString());
        Assert.Equal(1, data.GetProperty("version").GetInt64());
        Assert.Equal(attributes["id"], data.GetProperty("eventId").GetString());
        Assert.Equal("A-1", data.GetProperty("accountNumber").GetString());
        Assert.Equal(7, data.GetProperty("userId").GetInt64());
        Assert.Equal(recorded.Time.ToUnixTimeMilliseconds(), data.GetProperty("createdAt").GetInt64());
        Assert.Equal(JsonValueKind.Number, data.GetProperty("lastModified").ValueKind);
    }

    [Fact]
    public async Task Of_an_account_with_many_events_only_the_first_waits_for_company()
    {
        var time = new FakeTimeProvider();
        var broker = new SimulatedBroker();
        var outage = new Outage("the broker", time, new Random(1), NullLogger.Instance);
        var work = new PublisherWork((Function.Publisher)AccountEventsPublisher.Function, new EventPublisher(new Autogen.Dapr.DaprClient(broker), outage, time));
        var done = work.ApplyAsync(Batch.Of(Given.Onboarded("A-1")), CancellationToken.None, CancellationToken.None);
        await Eventually.True(
            () =>
            {
                time.Advance(TimeSpan.FromMilliseconds(1));
                return broker.Asked > 0;
            },
            "the first is sent");

        // No more time goes by.
        Assert.Empty(await done.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken));
        Assert.Equal(["ACCOUNT_CREATED.v1", "ACCOUNT_CONFIRMED.v1", "ACCOUNT_ACTIVATED.v1"], broker.Messages.Select(message => message.Event.GetProperty("type").GetString()));
    }

    [Fact]
    public async Task No_call_has_two_events_of_one_account_and_what_a_failing_broker_gets_is_in_order()
    {
        await using var world = new AccountWorld();
        world.Broker.Fails = call => (call % 5) switch
        {
            1 => Failure.Before,
            3 => Failure.After,
            _ => Failure.None,
        };
        string[] numbers = [.. Enumerable.Range(0, 12).Select(i => $"A-{i}")];
        await Task.WhenAll(numbers.Select(async number =>
        {
            await world.Create(number);
            foreach (var command in (string[])["confirm", "activate", "suspend", "activate"])
            {
                await world.Send(number, AccountCommand.Named(command, null, null)!);
            }
        }));

        world.Start("Functions=account-events");

        await Eventually.True(() => world.Broker.Messages.DistinctBy(m => m.Id).Count() == 5 * numbers.Length, "every event is published");
        Assert.All(world.Broker.Calls, call => Assert.Equal(call.Count, call.DistinctBy(message => message.PartitionKey).Count()));
        Assert.Contains(world.Broker.Calls, call => call.Count > 1);
        foreach (var account in world.Broker.Messages.GroupBy(message => message.PartitionKey))
        {
            // Repeats aside, in order: no version comes for the first time before the one that precedes it.
            Assert.Equal([1, 2, 3, 4, 5], account.Select(message => message.Version).Distinct());
        }
    }

    [Fact]
    public async Task A_broker_that_is_away_holds_up_the_publisher_alone_and_nothing_is_lost()
    {
        await using var world = new AccountWorld();
        var away = true;
        world.Broker.Fails = _ => Volatile.Read(ref away) ? Failure.Before : Failure.None;
        world.Start();
        await world.Create("A-1");
        var at = await world.At();

        await Eventually.True(
            () => world.Row(Contracts.RowKeys.Account(at, "A-1"), Contracts.ContractsJson.Default.AccountRow)?.Version == 3 && world.Broker.Asked > 1,
            "views and policies go on, and the publisher tries again");
        Assert.Empty(world.Broker.Messages);
        Volatile.Write(ref away, false);

        await Eventually.True(() => world.Broker.Messages.Count() == 3, "all three events are published");
        Assert.Equal([1, 2, 3], world.Broker.Messages.Select(message => message.Version));
    }

    [Fact]
    public async Task A_publisher_that_comes_back_goes_on_where_it_was()
    {
        await using var world = new AccountWorld();
        var first = world.Start("Functions=account-events");
        await world.Create("A-1");
        await Eventually.True(() => world.Broker.Messages.Count() == 1, "the first event is published");
        await first.Stop();
        await world.Send("A-1", AccountCommand.Named("confirm", null, null)!);

        world.Start("Functions=account-events");

        await Eventually.True(() => world.Broker.Messages.Count() == 2, "the second event is published");
        Assert.Equal([1, 2], world.Broker.Messages.Select(message => message.Version));
    }
}
