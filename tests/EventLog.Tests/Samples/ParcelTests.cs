using System.Diagnostics.Metrics;
using System.Text.Json;
using EventLog.Tests.Stores;
using Microsoft.Extensions.Logging.Abstractions;
using TestSupport;

namespace EventLog.Tests.Samples;

/// <summary>What docs/your-own-aggregate.md shows: an aggregate that is no account, on a real store.</summary>
[Collection(OnRealStores.Name)]
public sealed class ParcelTests(StoresFixture fixture)
{
    // It knew no weight.
    private static readonly Decider<Parcel, ParcelCommand, ParcelEvent> FirstVersion = Parcels.Decider with
    {
        Evolve = (parcel, happened) => Parcels.Decider.Evolve(parcel, happened is ParcelEvent.Sent sent ? sent with { Grams = 0 } : happened),
        Write = happened => happened is ParcelEvent.Sent sent
            ? new StoredEvent("PARCEL_SENT", 1, JsonSerializer.SerializeToElement(new { sent.To }))
            : Parcels.Decider.Write(happened),
    };

    [Fact]
    public async Task The_aggregate_in_the_document_is_the_one_that_is_compiled_here()
    {
        var document = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "your-own-aggregate.md"), TestContext.Current.CancellationToken);
        var source = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "tests", "EventLog.Tests", "Samples", "Parcels.cs"), TestContext.Current.CancellationToken);

        Assert.Contains($"```csharp\n{source}```", document, StringComparison.Ordinal);
    }

    [Fact]
    public void Decisions_are_tested_without_a_log()
    {
        var (decide, evolve) = (Parcels.Decider.Decide, Parcels.Decider.Evolve);
        var sent = evolve(null, new ParcelEvent.Sent("Ada", 500));

        Assert.Equal([new ParcelEvent.Sent("Ada", 500)], decide(new ParcelCommand("send", "Ada", 500), null, DateTimeOffset.UnixEpoch).Events);
        Assert.Equal([new ParcelEvent.Delivered(0)], decide(new ParcelCommand("deliver"), sent, DateTimeOffset.UnixEpoch).Events);
        Assert.Empty(decide(new ParcelCommand("deliver"), evolve(sent, new ParcelEvent.Delivered(0)), DateTimeOffset.UnixEpoch).Events);
        Assert.Equal("sent-already", decide(new ParcelCommand("send"), sent, DateTimeOffset.UnixEpoch).Refusal);
    }

    [Fact]
    public async Task It_works_on_the_log_and_an_event_of_an_older_schema_is_read_as_todays()
    {
        var store = new PrefixedStore(fixture.Store("sqlite"), "parcels.");
        await WithLogAsync(store, FirstVersion, async log =>
            Assert.Equal(OutcomeKind.Appended, (await SubmitAsync(log, "send", "Ada", 500)).Kind));

        await WithLogAsync(store, Parcels.Decider, async log =>
        {
            var delivered = await SubmitAsync(log, "deliver");
            Assert.Equal((OutcomeKind.Appended, 2L, new Parcel("Ada", 0, Delivered: true)), (delivered.Kind, delivered.Version, delivered.State));
            Assert.Equal((OutcomeKind.Refused, "sent-already"), (await SubmitAsync(log, "send") is var again ? (again.Kind, again.Refusal) : default));
        });
    }

    private static Task<Outcome<Parcel>> SubmitAsync(CommandLog<Parcel, ParcelCommand, ParcelEvent> log, string verb, string to = "", int grams = 0) => log.SubmitAsync(
        new Submission<ParcelCommand> { Stream = "P-1", Command = new ParcelCommand(verb, to, grams), Fingerprint = verb, CorrelationId = "sample" },
        TestContext.Current.CancellationToken);

    private static async Task WithLogAsync(
        IStateStore store, Decider<Parcel, ParcelCommand, ParcelEvent> decider, Func<CommandLog<Parcel, ParcelCommand, ParcelEvent>, Task> use)
    {
        PartitionRoutes? routes = null;
        routes = new PartitionRoutes("parcels", (partition, message, cancellation) => routes!.ReceivedAsync(partition, message, cancellation));
        using var meter = new Meter("parcels");
        using var stop = new CancellationTokenSource();
        var log = new CommandLog<Parcel, ParcelCommand, ParcelEvent>(
            store, routes, decider, new LogOptions { Partitions = 1 }, meter, _ => (_, _) => { }, TimeProvider.System, () => Guid.NewGuid().ToString("N"), NullLogger.Instance);
        var running = log.RunAsync(stop.Token);
        await use(log);
        await stop.CancelAsync();
        await running;
    }
}
