using System.Diagnostics.Metrics;
using System.Text.Json;
using Accounts.Processor.Functions;
using Accounts.Processor.Generations;
using Accounts.Processor.Operations;
using Accounts.Processor.Verification;
using EventLog;
using Autogen = Dapr.Client.Autogen.Grpc.v1;

namespace Accounts.Processor.Consumers;

/// <summary>
/// All partitions on this replica. Starts when the log is there, the views' store has passed its check and the functions'
/// start positions are fixed; then reads and works until the service stops.
/// </summary>
internal sealed class FunctionHost(
    IReadOnlyList<Function> functions, IStateStore logStore, IStateStore viewStore, PartitionRoutes routes, HttpClient commands,
    Autogen.Dapr.DaprClient dapr, Meter meter, TimeProvider time, Random chance, ILogger<FunctionHost> logger) : BackgroundService
{
    private static readonly TimeSpan PositionsEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan HoldersEvery = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan VerificationsEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan TroublesEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MetricsEvery = TimeSpan.FromSeconds(5);

    // What is in flight at a stop ends in a moment, or waits for something that is away; whoever goes on does it again.
    private static readonly TimeSpan LongestInFlight = TimeSpan.FromSeconds(5);

    private static readonly JsonElement Taken = JsonSerializer.SerializeToElement(true);

    private readonly Outages _outages = new(
        Log: new Outage($"The log in component '{logStore.Name}'", time, chance, logger),
        Views: new Outage($"Component '{viewStore.Name}'", time, chance, logger),
        Commands: new Outage("The command service", time, chance, logger),
        Broker: new Outage("The broker of a publisher", time, chance, logger));
    private readonly LogReader _log = new(logStore, time);
    private readonly LogReader _news = new(new SharedStore(logStore, time), time);
    private readonly CancellationTokenSource _giveUp = new(Timeout.InfiniteTimeSpan, time);
    private CancellationToken _stopping;
    private IReadOnlyList<PartitionConsumer>? _consumers;
    private IReadOnlyList<ConsumerRoute>? _routes;
    private string? _toldBorrowed;

    /// <summary>True once the log and the views are open: from then on this replica can be given partitions and messages.</summary>
    public bool IsOpen => _routes is not null;

    /// <summary>Null when every partition is worked on, here or elsewhere, and everything needed for that answers.</summary>
    public string? NotReady => _routes is not { } started ? "the log or the views are not open yet"
        : !started.All(route => route.Settled) ? "not every partition is worked on yet"
        : _outages.Log.Away ?? _outages.Views.Away;

    /// <summary>What operators ask and order; null before the log and the views are open.</summary>
    public Operator? Operator { get; private set; }

    /// <summary>A wake-up from the topic. Late, repeated and foreign ones do no harm.</summary>
    public void Wake(WakeUp wakeUp)
    {
        if (_routes is not { } started)
        {
            return;
        }

        foreach (var grown in (IReadOnlyList<WakeUp?>)[wakeUp, .. wakeUp.Others ?? []])
        {
            if (grown is { Partition: >= 0 and var partition } && partition < started.Count)
            {
                started[partition].Wake(grown.Position, _stopping);
            }
        }
    }

    /// <summary>A message for a partition whose actor is placed on this replica.</summary>
    /// <exception cref="InvalidOperationException">This replica does not work yet, or no longer: whoever asks does it himself.</exception>
    public Task<JsonElement> ReceiveAsync(int partition, JsonElement message, CancellationToken cancellation)
    {
        if (_consumers is not { } started || partition >= started.Count || _stopping.IsCancellationRequested)
        {
            throw new InvalidOperationException("This replica works on no partition now.");
        }

        started[partition].Wake(message.Deserialize<WakeUp>(JsonSerializerOptions.Web)?.Position ?? 0);
        return Task.FromResult(Taken);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await using var gaveUp = cancellationToken.Register(_giveUp.Cancel);
        _giveUp.CancelAfter(LongestInFlight);
        await base.StopAsync(cancellationToken);
    }

    public override void Dispose()
    {
        _giveUp.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        _stopping = stoppingToken;
        try
        {
            var description = await _outages.Log.PersistAsync(() => _log.DescribeAsync(stoppingToken), stoppingToken);
            var abilities = await _outages.Views.PersistAsync(
                () => StoreCheck.RunAsync(viewStore, $"{chance.NextInt64():x16}", stoppingToken), stoppingToken);
            var starts = new StartPositions(viewStore, _log);
            await _outages.Views.PersistAsync(() => starts.FixAsync(description, FunctionList.All, stoppingToken), stoppingToken);
            logger.LogInformation(
                "Log {Log} has {Partitions} partitions; functions: {Functions}",
                description.Id, description.Partitions, string.Join(", ", functions.Select(function => function.Name)));

            var controls = new FunctionControls(description.Id, functions, viewStore, _outages.Views, time);
            await _outages.Views.PersistAsync(() => controls.RefreshAsync(stoppingToken), stoppingToken);
            var sender = new CommandSender(commands, _outages.Commands, logger);
            var publisher = new EventPublisher(dapr, _outages.Broker, time);
            var writer = new RowWriter(viewStore, abilities.TransactionsHonourCreates);
            using var works = new FunctionWorks(description, _log, writer, sender, publisher, _outages, time, logger);
            var consumers = Enumerable.Range(0, description.Partitions).Select(partition => Consumer(partition, works, controls)).ToList();
            var ways = consumers.Select(consumer => new ConsumerRoute(routes, consumer, time)).ToList();
            var switches = functions.OfType<Function.View>()
                .Select(view => new GenerationSwitch(view, controls, description, _log, viewStore, time, logger)).ToList();
            Fill(controls, consumers, stoppingToken);
            (_consumers, _routes) = (consumers, ways);
            var at = Operator = new Operator(description, viewStore, _log, controls, time);
            var verifier = new Verifier(at, functions, writer, $"{chance.NextInt64():x16}", logger);
            var metrics = new FunctionMetrics(meter);
            var troubles = new Troubles(description.Id, viewStore);
            await Task.WhenAll(
                [.. consumers.Select(consumer => consumer.EndAsync(stoppingToken)),
                EveryAsync(PositionsEvery, () => LookAtPositionsAsync(consumers, stoppingToken), stoppingToken),
                EveryAsync(FunctionControls.Every, () => LookAtControlsAsync(controls, consumers, switches, stoppingToken), stoppingToken),
                EveryAsync(VerificationsEvery, () => VerifyAsync(verifier, stoppingToken), stoppingToken),
                EveryAsync(TroublesEvery, () => ReportAsync(() => troubles.WriteAsync(consumers, stoppingToken), stoppingToken), stoppingToken),
                EveryAsync(MetricsEvery, () => ReportAsync(() => metrics.LookAsync(at, functions, consumers, stoppingToken), stoppingToken), stoppingToken),
                EveryAsync(HoldersEvery, () => LookForHoldersAsync(consumers, ways, stoppingToken), stoppingToken)]);
        }
        catch (Exception) when (stoppingToken.IsCancellationRequested)
        {
            // Whatever fails while everything is taken down has no consequence.
        }
    }

    private PartitionConsumer Consumer(int partition, FunctionWorks works, FunctionControls controls)
    {
        var window = new RecordWindow(_news, partition, _outages.Log);
        return new PartitionConsumer(partition, window, works.Runner, controls, routes.Holds);
    }

    /// <summary>Reads what operators want, does it, and tells the functions that time has gone by.</summary>
    private async Task LookAtControlsAsync(
        FunctionControls controls, List<PartitionConsumer> consumers, List<GenerationSwitch> switches, CancellationToken stopping)
    {
        try
        {
            var asked = await controls.RefreshAsync(stopping);
            Fill(controls, consumers, stopping);
            foreach (var function in asked)
            {
                consumers.ForEach(consumer => consumer.Recheck(function));
            }

            foreach (var change in switches)
            {
                await change.StepAsync(stopping);
            }
        }
        catch (Exception cause) when (!stopping.IsCancellationRequested)
        {
            _outages.Views.Failed(cause);
        }

        consumers.ForEach(consumer => consumer.Tick());
    }

    private async Task VerifyAsync(Verifier verifier, CancellationToken stopping)
    {
        try
        {
            await verifier.LookAsync(stopping);
        }
        catch (Exception cause) when (!stopping.IsCancellationRequested)
        {
            // A rival has it, or the store is away: the row tells who goes on.
            _outages.Views.Failed(cause);
        }
    }

    /// <summary>For people and their monitors: nothing depends on it.</summary>
    private async Task ReportAsync(Func<Task> report, CancellationToken stopping)
    {
        try
        {
            await report();
        }
        catch (Exception cause) when (!stopping.IsCancellationRequested)
        {
            _outages.Views.Failed(cause);
        }
    }

    /// <summary>Of a view every generation that there is, but none of a newer fold than this version's; of other functions just one.</summary>
    private void Fill(FunctionControls controls, List<PartitionConsumer> consumers, CancellationToken stopping)
    {
        var wanted = functions.SelectMany(function => function is not Function.View view
            ? [new Filling(function, ViewGenerations.First)]
            : controls[function.Name].Row.Generations.Where(generation => generation.IsFor(view))
                .Select(generation => new Filling(function, generation.Id))).ToHashSet();
        consumers.ForEach(consumer => consumer.Fill(wanted, stopping, _giveUp.Token));
    }

    /// <summary>Wake-ups may be lost, all of them: one bulk read looks at every quiet partition that is worked on here.</summary>
    private async Task LookAtPositionsAsync(List<PartitionConsumer> consumers, CancellationToken stopping)
    {
        var next = new Dictionary<string, PartitionConsumer>();
        foreach (var consumer in consumers)
        {
            if (consumer.NextUnheard() is { } position)
            {
                next[Keys.Record(consumer.Partition, position)] = consumer;
            }
        }

        if (next.Count == 0)
        {
            return;
        }

        try
        {
            var found = await logStore.ReadManyAsync([.. next.Keys], stopping);
            _outages.Log.Answered();
            foreach (var key in found.Keys)
            {
                next[key].Wake(null);
            }
        }
        catch (Exception cause) when (!stopping.IsCancellationRequested)
        {
            _outages.Log.Failed(cause);
        }
    }

    private async Task LookForHoldersAsync(List<PartitionConsumer> consumers, List<ConsumerRoute> ways, CancellationToken stopping)
    {
        await Task.WhenAll(ways.Where((_, partition) => !consumers[partition].Held).Select(way => way.AskAsync(0, stopping)));
        var borrowed = string.Join(", ", consumers.Where(consumer => consumer.Borrowed).Select(consumer => consumer.Partition));

        // A sidecar hosts actors a moment after its app has opened: at the first look it is no news that no route leads anywhere.
        if (_toldBorrowed is { } told && borrowed != told)
        {
            logger.LogInformation(
                "Partitions that this replica works on because their routes are silent: {Partitions}", borrowed.Length == 0 ? "none" : borrowed);
        }

        _toldBorrowed = _toldBorrowed is null ? "" : borrowed;
    }

    private async Task EveryAsync(TimeSpan period, Func<Task> look, CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(period, time);
        do
        {
            await look();
        }
        while (await timer.WaitForNextTickAsync(stopping));
    }
}
