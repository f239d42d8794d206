using System.Net;
using System.Net.Sockets;
using TestSupport;

namespace SystemTests;

/// <summary>Two replicas of the command service: clients may talk to either. At last one is killed, and the other told to stop.</summary>
[TestCaseOrderer(typeof(InTheOrderWritten))]
public class ReplicaTests(ReplicaTests.TwoReplicas system) : IClassFixture<ReplicaTests.TwoReplicas>
{
    private AccountSystem One => system.One;

    private AccountSystem Two => system.Two;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Commands_to_either_replica_make_one_history()
    {
        // Eight accounts, so that partitions of both replicas are among them.
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            var number = await One.Alive();
            for (var version = 4; version <= 23; version++)
            {
                var answer = await (version % 3 == 0 ? One : Two).Command(number, version % 2 == 0 ? "suspend" : "activate");
                Assert.Equal(version, answer.Is(200).Version);
            }

            await One.Shown(number, 23);
        }));
    }

    [Fact]
    public async Task Races_between_the_replicas_have_one_winner()
    {
        AccountSystem[] replicas = [One, Two];
        var taken = AccountSystem.NewNumber();
        var number = await One.Alive();

        var creates = await Task.WhenAll(Enumerable.Range(0, 100).Select(i => replicas[i % 2].Create(taken)));
        var changes = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => replicas[i % 2].Command(number, "suspend", null, ("If-Match", "\"3\""))));
        var repeats = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => replicas[i % 2].Command(number, "archive", null, ("Idempotency-Key", "once"))));

        Assert.Single(creates, answer => answer.Status == 201);
        Assert.Equal(99, creates.Count(answer => answer.Status == 409));
        Assert.Single(changes, answer => answer.Status == 200);
        Assert.Equal(49, changes.Count(answer => answer.Status == 412));
        Assert.Single(repeats.Select(answer => answer.Is(200).Text).Distinct());
        Assert.Equal(5, (await Two.Command(number, "archive")).Is(200).Version);
    }

    [Fact]
    public async Task When_a_replica_is_killed_the_other_takes_all_commands_and_knows_the_keys()
    {
        var numbers = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => One.Alive()));
        var idle = await Task.WhenAll(numbers.Select(number => One.Command(number, "activate", null, ("Idempotency-Key", "idle"))));
        var done = await Task.WhenAll(numbers.Select(number => One.Command(number, "suspend", null, ("Idempotency-Key", "done"))));

        system.Host.KillApp("accounts-command");

        for (var i = 0; i < numbers.Length; i++)
        {
            var number = numbers[i];
            var activated = await Eventually.Gives(
                async () => (await Two.Command(number, "activate", null, ("Idempotency-Key", "after"))).Is(200), TimeSpan.FromSeconds(30));
            Assert.Equal(5, activated.Version);
            Assert.Equal(idle[i].Is(200).Text, (await Two.Command(number, "activate", null, ("Idempotency-Key", "idle"))).Is(200).Text);
            Assert.Equal(done[i].Is(200).Text, (await Two.Command(number, "suspend", null, ("Idempotency-Key", "done"))).Is(200).Text);
            await Two.Shown(number, 5, TimeSpan.FromSeconds(30));
        }
    }

    [Fact]
    public async Task A_service_that_gets_SIGTERM_finishes_what_it_took()
    {
        var number = await Two.Alive();
        var command = system.Host["accounts-command#2"].ProcessId!.Value;
        using var http = new HttpClient(new SocketsHttpHandler { Expect100ContinueTimeout = TimeSpan.FromSeconds(30) });
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(Two.Commands, $"/v1/accounts/{number}/commands/suspend"));
        using var body = new BodyOnDemand("{}");
        request.Content = body;
        request.Headers.ExpectContinue = true;
        var answer = http.SendAsync(request, Stop);
        await body.Demanded;

        Signals.Terminate(command);
        await Eventually.True(() => Refuses(Two.Commands), "the service takes nothing new");
        body.Send();

        Assert.Equal(HttpStatusCode.OK, (await answer).StatusCode);
        await Eventually.True(() => !Signals.IsAlive(command), "the service has ended", TimeSpan.FromSeconds(20));
        await Two.Shown(number, 4);
    }

    private static async Task<bool> Refuses(Uri service)
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, service.Port, Stop);
            return false;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    /// <summary>The system, seen through each of its two command services.</summary>
    public sealed class TwoReplicas : IAsyncLifetime
    {
        private readonly TemporaryFolder _folder = new();
        private OwnSystem? _own;

        public RunningHost Host => _own!.Host;

        public AccountSystem One
        {
            get
            {
                OwnSystem.SkipUnlessOurs();
                return _own!.Accounts;
            }
        }

        public AccountSystem Two { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            if (GivenAddresses.All is not null)
            {
                return;
            }

            _own = await OwnSystem.StartAsync(_folder, ["--replicas", "accounts-command=2"]);
            Two = new AccountSystem(_own.Address("accounts-command#2"), One.Processor, One.Queries);
            await Two.Ready();
        }

        public async ValueTask DisposeAsync()
        {
            if (_own is not null)
            {
                Two.Dispose();
                await _own.DisposeAsync();
            }

            _folder.Dispose();
        }
    }
}
