using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Accounts.Domain;
using Accounts.Processor.Tests.InProcess;
using Accounts.Processor.Tests.RealProcesses;
using EventLog;
using Microsoft.Extensions.Logging.Abstractions;
using TestSupport;
using Log = EventLog.CommandLog<Accounts.Domain.Account, Accounts.Domain.AccountCommand, Accounts.Domain.AccountEvent>;

namespace Accounts.Processor.Tests;

/// <summary>
/// How fast a view is made again, with real processes and files. Set REBUILD_ACCOUNTS to say of how many accounts:
/// <c>REBUILD_ACCOUNTS=100000 artifacts/bin/Accounts.Processor.Tests/debug/Accounts.Processor.Tests -class '*RebuildSpeedTests' -showliveoutput</c>.
/// </summary>
public class RebuildSpeedTests(ITestOutputHelper output)
{
    private static readonly string[] Commands = ["confirm", "activate", "suspend", "activate"];

    [Fact]
    public async Task The_account_view_is_rebuilt_with_many_events_a_second()
    {
        Assert.SkipUnless(
            int.TryParse(Environment.GetEnvironmentVariable("REBUILD_ACCOUNTS"), NumberStyles.None, CultureInfo.InvariantCulture, out var accounts),
            "a measurement, not a test: REBUILD_ACCOUNTS is not set");
        await using var system = await RunningSystem.Start(processors: 1, livesLong: true);
        var begun = Stopwatch.StartNew();
        await Fill(system, accounts);
        output.WriteLine($"{accounts * (Commands.Length + 1)} events written in {begun.Elapsed.TotalSeconds:0.0} s");

        system.StartProcessor(1, ("Functions", "account"));
        await system.ProcessorReady(1);
        using var http = new HttpClient { BaseAddress = system.Processor(1) };
        begun.Restart();
        await Eventually.True(async () => (await Account(http)).GetProperty("lagEvents").GetInt64() == 0, "the view has caught up", TimeSpan.FromMinutes(2));
        output.WriteLine($"first filling: {accounts * (Commands.Length + 1) / begun.Elapsed.TotalSeconds:0} events/s");

        begun.Restart();
        using var asked = await http.PostAsync("/v1/functions/account/rebuild", null, TestContext.Current.CancellationToken);
        Assert.True(asked.IsSuccessStatusCode);
        JsonElement generation = default;
        await Eventually.True(
            async () =>
            {
                generation = (await Account(http)).GetProperty("generations")[1];
                return generation.GetProperty("eventsDone").GetInt64() == generation.GetProperty("eventsOf").GetInt64();
            },
            "the new generation has caught up",
            TimeSpan.FromMinutes(2));
        output.WriteLine($"rebuild: {generation.GetProperty("eventsDone").GetInt64() / begun.Elapsed.TotalSeconds:0} events/s, {generation}");
    }

    private static async Task<JsonElement> Account(HttpClient http) => JsonElement.Parse(await http.GetByteArrayAsync("/v1/functions/account", TestContext.Current.CancellationToken));

    private static async Task Fill(RunningSystem system, int accounts)
    {
        using var stop = new CancellationTokenSource();
        var partitions = (await system.Log.DescribeAsync(CancellationToken.None)).Partitions;
        var log = new Log(
            system.LogStore, new PartitionRoutes("writers", (_, _, _) => throw new IOException("no actors here")), AccountWorld.Decider,
            new LogOptions { Partitions = partitions, RouteSilence = TimeSpan.FromMilliseconds(1) }, new System.Diagnostics.Metrics.Meter("test"),
            _ => (_, _) => { }, TimeProvider.System, () => Guid.NewGuid().ToString("N"), NullLogger.Instance);
        var running = log.RunAsync(stop.Token);
        await Parallel.ForEachAsync(Enumerable.Range(0, accounts), new ParallelOptions { MaxDegreeOfParallelism = 512 }, async (i, _) =>
        {
            await Send($"R-{i}", new AccountCommand.Create($"R-{i}", i, false));
            foreach (var command in Commands)
            {
                await Send($"R-{i}", AccountCommand.Named(command)!);
            }
        });
        await stop.CancelAsync();
        await running;

        async Task Send(string number, AccountCommand command)
        {
            for (var sent = false; !sent;)
            {
                var outcome = await log.SubmitAsync(
                    new Submission<AccountCommand> { Stream = number, Command = command, Fingerprint = command.ToString(), CorrelationId = "c" }, CancellationToken.None);
                sent = outcome.Kind is OutcomeKind.Appended or OutcomeKind.AlreadySo;
            }
        }
    }
}
