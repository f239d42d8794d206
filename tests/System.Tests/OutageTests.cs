using System.Diagnostics;
using Microsoft.Data.Sqlite;
using TestSupport;

namespace SystemTests;

/// <summary>Parts that are away: clients are told soon and truly, and everything goes on by itself.</summary>
[Collection<RestartedSystem.Users>]
public class OutageTests(RestartedSystem restarted)
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(5);

    // However long the sidecar was away.
    private static readonly TimeSpan Recovery = TimeSpan.FromSeconds(8);
    private static readonly TimeSpan LongestStop = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task While_the_sidecars_hang_commands_and_queries_are_answered_503_within_5_seconds()
    {
        var accounts = restarted.Now.Accounts;
        var number = await accounts.Alive();
        var other = await accounts.Alive();

        Signals.Pause(restarted.Now.Host.ProcessId);

        // The signal takes a moment: what is asked before it has arrived is answered still.
        await Eventually.Holds(async () => (await accounts.Ask(HttpMethod.Get, new Uri(accounts.Commands, "/healthz/ready"))).Is(503));
        var keyed = accounts.Command(number, "suspend", null, ("Idempotency-Key", "my-key"));
        var unkeyed = accounts.Command(other, "make-default");
        var read = accounts.Read($"/v1/accounts/{number}");
        var live = accounts.Ask(HttpMethod.Get, new Uri(accounts.Commands, "/healthz/live"));
        await Task.WhenAll(keyed, unkeyed, read, live);
        Signals.Resume(restarted.Now.Host.ProcessId);

        Assert.Equal("my-key", Unavailable(await keyed));
        var made = Unavailable(await unkeyed);
        Assert.NotNull((await read).IsProblem(503, "unavailable")["Retry-After"]);
        Assert.InRange((await read).Took, TimeSpan.Zero, Bound);
        (await live).Is(204);
        await YieldsItsAnswer(accounts, number, "suspend", "my-key");
        await YieldsItsAnswer(accounts, other, "make-default", made);
    }

    [Fact]
    public async Task While_the_store_takes_no_writes_commands_are_answered_503_and_the_key_yields_the_answer_later()
    {
        var accounts = restarted.Now.Accounts;
        var number = await accounts.Alive();
        Answer[] answers;

        await using (var store = new SqliteConnection($"Data Source={Path.Combine(restarted.Data, "event-log.db")};Pooling=False"))
        {
            await store.OpenAsync(TestContext.Current.CancellationToken);
            await using var held = store.CreateCommand();
            held.CommandText = "BEGIN IMMEDIATE";
            await held.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
            answers = await Task.WhenAll(
                accounts.Command(number, "suspend", null, ("Idempotency-Key", "first")),
                accounts.Command(number, "make-default"),
                accounts.Create(AccountSystem.NewNumber()));

            // Reading needs no write.
            (await accounts.Read($"/v1/accounts/{number}")).Is(200);
        }

        Assert.All(answers, answer => Unavailable(answer));
        await YieldsItsAnswer(accounts, number, "suspend", "first");
        Assert.InRange((await accounts.Shown(await accounts.Alive(), 3)).Version, 3, 3);
    }

    [Fact]
    public async Task Services_that_start_before_their_sidecars_wait_for_them_and_carry_on_when_these_restart()
    {
        OwnSystem.SkipUnlessOurs();
        using var folder = new TemporaryFolder();
        var start = new HostStart { RunFile = RunFileCopy.Write(folder.Location, startedElsewhere: true), DataFolder = OwnSystem.Data(folder) };
        await using var services = ServicesByHand.Start(start.RunFile);
        using var accounts = new AccountSystem(services["accounts-command"], services["accounts-processor"], services["accounts-query"]);
        await Eventually.Holds(async () =>
        {
            foreach (var service in new[] { accounts.Commands, accounts.Processor, accounts.Queries })
            {
                (await accounts.Ask(HttpMethod.Get, new Uri(service, "/healthz/live"))).Is(204);
                (await accounts.Ask(HttpMethod.Get, new Uri(service, "/healthz/ready"))).Is(503);
            }
        });

        // The first command of a process has its code compiled, which is no waiting for a sidecar.
        (await accounts.Create(AccountSystem.NewNumber())).IsProblem(503, "unavailable");
        var (created, read) = (accounts.Create(AccountSystem.NewNumber()), accounts.Read("/v1/accounts/1"));
        Unavailable(await created);
        (await read).IsProblem(503, "unavailable");

        var numbers = new List<string>();
        for (var round = 1; round <= 2; round++)
        {
            await using var host = await RunningHost.StartAsync(start, TestContext.Current.CancellationToken);
            var begun = Stopwatch.GetTimestamp();
            await accounts.Ready();
            Assert.InRange(Stopwatch.GetElapsedTime(begun), TimeSpan.Zero, Recovery);
            numbers.Add(await accounts.Alive());
            foreach (var number in numbers)
            {
                Assert.Equal(3, (await accounts.Shown(number, 3)).Version);
            }

            Assert.Equal(0, await host.StopAsync());
        }

        // Without a sidecar nothing can be given back or saved, and nobody waits long for that.
        var stopped = Stopwatch.GetTimestamp();
        await services.DisposeAsync();
        Assert.InRange(Stopwatch.GetElapsedTime(stopped), TimeSpan.Zero, LongestStop);
    }

    // Gives the key that yields the answer later.
    private static string? Unavailable(Answer answer)
    {
        answer.IsProblem(503, "unavailable");
        Assert.InRange(answer.Took, TimeSpan.Zero, Bound);
        Assert.InRange(int.Parse(answer["Retry-After"]!, System.Globalization.CultureInfo.InvariantCulture), 1, 5);
        var outcome = answer.Json.GetProperty("outcome").GetString();
        Assert.True(outcome is "not-done" or "unknown", $"The outcome is said to be {outcome}.");
        if (outcome == "unknown")
        {
            Assert.NotEmpty(answer["Idempotency-Key"]!);
        }

        return answer["Idempotency-Key"];
    }

    private static async Task YieldsItsAnswer(AccountSystem accounts, string number, string command, string? key)
    {
        // Without a key nothing was done, and the command is a new one.
        (string, string)[] headers = key is null ? [] : [("Idempotency-Key", key)];
        var answer = await Eventually.Gives(async () => (await accounts.Command(number, command, null, headers)).Is(200));
        var again = (await accounts.Command(number, command, null, headers)).Is(200);

        Assert.Equal(answer.Text, again.Text);
        var shown = await accounts.Shown(number, answer.Version);
        var name = command == "suspend" ? "ACCOUNT_SUSPENDED" : "ACCOUNT_MADE_DEFAULT";
        await Eventually.Holds(async () => Assert.Equal(shown.Version, (await accounts.Events(number)).Count));
        Assert.Single(await accounts.Events(number), e => e.GetProperty("type").GetString() == name);
    }
}
