using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using TestSupport;

namespace SystemTests;

/// <summary>What was acknowledged is there after whatever end.</summary>
public class RestartTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task After_kill_9_of_everything_every_acknowledged_account_is_there_and_views_catch_up()
    {
        using var folder = new TemporaryFolder();
        IReadOnlyList<string> opened;
        await using (var system = await OwnSystem.StartAsync(folder))
        {
            var load = await Load.StartAsync(system.Accounts, opened: 200);
            await system.Host.KillAsync();
            opened = await load.EndAsync();
        }

        await using var again = await OwnSystem.StartAsync(folder);
        await Load.AllAreThere(again.Accounts, opened);
    }

    [Fact]
    public async Task After_SIGTERM_under_load_every_acknowledged_account_is_there()
    {
        using var folder = new TemporaryFolder();
        IReadOnlyList<string> opened;
        await using (var system = await OwnSystem.StartAsync(folder))
        {
            var load = await Load.StartAsync(system.Accounts, opened: 200);
            Assert.Equal(0, await system.Host.StopAsync());
            opened = await load.EndAsync();
            Assert.All(load.Refused, answer => answer.IsProblem(503, "unavailable"));
        }

        await using var again = await OwnSystem.StartAsync(folder);
        await Load.AllAreThere(again.Accounts, opened);
    }

    [Fact]
    public async Task A_service_that_gets_SIGTERM_finishes_what_it_took()
    {
        using var folder = new TemporaryFolder();
        await using var system = await OwnSystem.StartAsync(folder);
        var number = await system.Accounts.Alive();

        var command = system.Host["accounts-command"].ProcessId!.Value;
        using var http = new HttpClient(new SocketsHttpHandler { Expect100ContinueTimeout = TimeSpan.FromSeconds(30) });
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(system.Accounts.Commands, $"/v1/accounts/{number}/commands/suspend"));
        using var body = new BodyOnDemand("{}");
        request.Content = body;
        request.Headers.ExpectContinue = true;
        var answer = http.SendAsync(request, Stop);
        await body.Demanded;

        Signals.Terminate(command);
        await Eventually.True(() => Refuses(system.Accounts.Commands), "the service takes nothing new");
        body.Send();

        Assert.Equal(HttpStatusCode.OK, (await answer).StatusCode);
        await Eventually.True(() => !Signals.IsAlive(command), "the service has ended", TimeSpan.FromSeconds(20));
        await system.Accounts.Shown(number, 4);
    }

    [Fact]
    public async Task Of_two_hosts_on_the_same_data_the_second_is_refused_and_the_first_goes_on()
    {
        using var folder = new TemporaryFolder();
        using var other = new TemporaryFolder();
        await using var system = await OwnSystem.StartAsync(folder);
        var number = await system.Accounts.Alive();

        await using var second = RunningHost.Launch(new HostStart { RunFile = RunFileCopy.Write(other.Location), DataFolder = OwnSystem.Data(folder) });

        Assert.Equal(2, await second.ExitedAsync());
        Assert.Contains(second.Output, line => line.Contains("another host uses it", StringComparison.Ordinal));
        Assert.Equal(4, (await system.Accounts.Command(number, "suspend")).Is(200).Version);
    }

    [Fact]
    public async Task Stopping_takes_less_than_20_seconds_and_leaves_no_process_and_no_port_behind()
    {
        using var folder = new TemporaryFolder();
        await using var system = await OwnSystem.StartAsync(folder);
        await system.Accounts.Alive();
        var processes = system.Host.Apps.Values.Select(app => app.ProcessId!.Value).Append(system.Host.ProcessId).ToList();
        var started = TimeProvider.System.GetTimestamp();

        Assert.Equal(0, await system.Host.StopAsync());

        Assert.InRange(TimeProvider.System.GetElapsedTime(started), TimeSpan.Zero, TimeSpan.FromSeconds(20));
        Assert.DoesNotContain(processes, Signals.IsAlive);
        // The same ports and the same data, at once.
        await using var again = await OwnSystem.StartAsync(folder);
        await again.Accounts.Alive();
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

    /// <summary>A body that is sent only when the service reads it (which it says by 100 Continue), and then not before it may.</summary>
    private sealed class BodyOnDemand : HttpContent
    {
        private readonly TaskCompletionSource _demanded = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _may = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly byte[] _body;

        public BodyOnDemand(string json)
        {
            _body = Encoding.UTF8.GetBytes(json);
            Headers.ContentType = new MediaTypeHeaderValue("application/json");
        }

        public Task Demanded => _demanded.Task;

        public void Send() => _may.SetResult();

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            _demanded.SetResult();
            await _may.Task;
            await stream.WriteAsync(_body);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = _body.Length;
            return true;
        }
    }
}
