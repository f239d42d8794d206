using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using Accounts.Contracts;
using Accounts.Processor.Tests.InProcess;
using EventLog;
using Grpc.Net.Client;
using TestSupport;

namespace Accounts.Processor.Tests.RealProcesses;

/// <summary>
/// The embedded sidecar with a command service, and processors as processes of the test's own, which may be killed, paused
/// and started again while their sidecars live.
/// </summary>
internal sealed class RunningSystem : IAsyncDisposable
{
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(25);

    private readonly TemporaryFolder _folder;
    private readonly RunningHost _host;
    private readonly Dictionary<int, Process> _processors = [];
    private readonly GrpcChannel _channel;
    private readonly ConcurrentQueue<string> _output = new();
    private bool _livesLong;
    private int _numbers;

    private RunningSystem(TemporaryFolder folder, RunningHost host)
    {
        (_folder, _host) = (folder, host);
        Commands = new HttpClient { BaseAddress = host["accounts-command"].Address, Timeout = TimeSpan.FromSeconds(30) };
        var sidecar = host["accounts-processor"];
        _channel = GrpcChannel.ForAddress(sidecar.DaprGrpc);
        Log = new LogReader(Store(Components.EventLog), TimeProvider.System);
        ViewStore = Store(Components.Views);
    }

    public HttpClient Commands { get; }

    /// <summary>Sends a command to an account, which takes it.</summary>
    public async Task Send(string number, string command)
    {
        using var answer = await Post($"/v1/accounts/{number}/commands/{command}", "{}");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    public LogReader Log { get; }

    public IStateStore ViewStore { get; }

    public IStateStore LogStore => Store(Components.EventLog);

    /// <summary>The Dapr HTTP API of an app's sidecar.</summary>
    public Uri Sidecar(string app) => _host[app].DaprHttp;

    /// <summary>Numbers of the accounts whose creation was acknowledged.</summary>
    public ConcurrentBag<string> Acknowledged { get; } = [];

    /// <summary>What the processors wrote.</summary>
    public string Output => string.Join('\n', _output);

    /// <param name="processors">Sidecars for so many processors, which the test starts.</param>
    /// <param name="wakeUps">False: the processors hear of nothing.</param>
    /// <param name="subscriber">Another microservice, which listens to the events.</param>
    /// <param name="queries">With a query service.</param>
    /// <param name="livesLong">Long enough for <see cref="ShortLife"/> to be wrong: for measuring.</param>
    public static async Task<RunningSystem> Start(
        int processors, bool wakeUps = true, RecordingApp? subscriber = null, bool queries = false, bool livesLong = false)
    {
        var folder = new TemporaryFolder();
        var components = Directory.CreateDirectory(folder.At("components")).FullName;
        foreach (var file in Directory.EnumerateFiles(Path.Combine(Repository.Root, "components", "local"), "*.yaml"))
        {
            var text = await File.ReadAllTextAsync(file);
            await File.WriteAllTextAsync(
                Path.Combine(components, Path.GetFileName(file)),
                !wakeUps && file.EndsWith("wakeups.yaml", StringComparison.Ordinal) ? text.Replace("  - accounts-processor\n", "", StringComparison.Ordinal)
                : file.EndsWith("resiliency.yaml", StringComparison.Ordinal) ? text.Replace("duration: 2s", "duration: 100ms", StringComparison.Ordinal)
                : subscriber is not null && file.EndsWith("events.yaml", StringComparison.Ordinal) ? text + "  - subscriber\n"
                : text);
        }

        var runFile = folder.Write("dapr.yaml", $"""
            version: 1
            apps:
            {App(folder, "accounts-command", $"command: [dotnet, {Repository.Assembly("Accounts.Command")}]")}
            {App(folder, "accounts-processor", "")}
            {(queries ? App(folder, "accounts-query", $"command: [dotnet, {Repository.Assembly("Accounts.Query")}]") : "")}
            {(subscriber is null ? "" : $"  - {{ appID: subscriber, appDirPath: {folder.Location}, appPort: {subscriber.Port} }}")}
            """);
        var host = RunningHost.Launch(new HostStart
        {
            RunFile = runFile,
            DataFolder = folder.At("data"),
            Flags = ["--components", components, "--replicas", $"accounts-processor={processors}"],
            LivesLong = livesLong,
        });
        await Eventually.True(
            () => host.Apps.Count == processors + 1 + (subscriber is null ? 0 : 1) + (queries ? 1 : 0),
            $"every sidecar has started:\n{string.Join('\n', host.Output)}", TimeSpan.FromSeconds(30));
        var system = new RunningSystem(folder, host) { _livesLong = livesLong };
        await Eventually.True(
            async () => (await system.Commands.GetAsync("/healthz/ready")).IsSuccessStatusCode, "the command service is ready", TimeSpan.FromSeconds(30));
        return system;
    }

    /// <summary>Starts the processor with this number, from 1.</summary>
    public Process StartProcessor(int number, params (string Name, string Value)[] settings)
    {
        var app = _host[number == 1 ? "accounts-processor" : $"accounts-processor#{number}"];
        var info = new ProcessStartInfo("dotnet", [Repository.Assembly("Accounts.Processor")])
        {
            WorkingDirectory = _folder.Location,
            RedirectStandardOutput = true,
            Environment =
            {
                ["APP_ID"] = "accounts-processor",
                ["DAPR_HTTP_PORT"] = app.DaprHttpPort.ToString(CultureInfo.InvariantCulture),
                ["DAPR_GRPC_PORT"] = app.DaprGrpcPort.ToString(CultureInfo.InvariantCulture),
                ["ASPNETCORE_URLS"] = app.Address!.ToString(),
            },
        };
        if (!_livesLong)
        {
            ShortLife.Prepare(info.Environment);
        }

        foreach (var (name, value) in settings)
        {
            info.Environment[name] = value;
        }

        var process = Process.Start(info)!;
        process.OutputDataReceived += (_, line) => _output.Enqueue($"{number}: {line.Data}");
        process.BeginOutputReadLine();
        return _processors[number] = process;
    }

    /// <summary>The address of the query service.</summary>
    public Uri Queries => _host["accounts-query"].Address!;

    /// <summary>The address of the processor with this number.</summary>
    public Uri Processor(int number) => _host[number == 1 ? "accounts-processor" : $"accounts-processor#{number}"].Address!;

    public Task ProcessorReady(int number) => Eventually.True(
        async () =>
        {
            using var http = new HttpClient { BaseAddress = _host[number == 1 ? "accounts-processor" : $"accounts-processor#{number}"].Address };
            return (await http.GetAsync("/healthz/ready")).IsSuccessStatusCode;
        },
        $"processor {number} is ready",
        TimeSpan.FromSeconds(30));

    public async Task KillProcessor(int number)
    {
        Signals.Kill(_processors[number].Id);
        await _processors[number].WaitForExitAsync();
    }

    /// <summary>Opens accounts and changes some of them, by several clients at once, until the token says stop.</summary>
    public async Task Load(int clients, CancellationToken until) => await Task.WhenAll(Enumerable.Range(0, clients).Select(async client =>
    {
        string[] names = ["suspend", "activate", "make-default", "archive", "clear-default"];
        for (var i = 0; !until.IsCancellationRequested; i++)
        {
            var number = $"L-{Interlocked.Increment(ref _numbers)}";
            using var created = await Post("/v1/accounts", $$"""{"userId":{{client}},"accountNumber":"{{number}}","defaultAccount":false}""");
            if (created.StatusCode == HttpStatusCode.Created)
            {
                Acknowledged.Add(number);
            }

            using var changed = await Post($"/v1/accounts/{number}/commands/{names[i % names.Length]}", "{}");

            // Some hundred accounts are enough to be caught in the middle of, and thousands take a long time to compare.
            await Task.Delay(Pace, CancellationToken.None);
        }
    }));

    /// <summary>Waits until the load has opened so many more accounts.</summary>
    public Task Progress(int accounts)
    {
        var target = Acknowledged.Count + accounts;
        return Eventually.True(() => Acknowledged.Count >= target, $"{accounts} more accounts are open", TimeSpan.FromSeconds(60));
    }

    /// <summary>Opens an account and waits until its view says that it is active.</summary>
    public async Task ComesAlive(string number, TimeSpan within)
    {
        var at = new ViewPointer((await Log.DescribeAsync(CancellationToken.None)).Id, "1");
        using var created = await Post("/v1/accounts", $$"""{"userId":1,"accountNumber":"{{number}}","defaultAccount":false}""");
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        await Eventually.True(
            async () => await ViewStore.ReadAsync(RowKeys.Account(at, number), CancellationToken.None) is { } row
                && Encoding.UTF8.GetString(row.Value.Span).Contains("ACCOUNT_ACTIVE", StringComparison.Ordinal),
            $"account {number} is active",
            within);
    }

    /// <summary>Every row of all three views is there and is what a fold of the log says, for every acknowledged account.</summary>
    public async Task ViewsEqualTheLog() => await Eventually.Holds(
        async () =>
        {
            var description = await Log.DescribeAsync(CancellationToken.None);
            var at = new ViewPointer(description.Id, "1");
            var records = new List<LogRecord>();
            for (var partition = 0; partition < description.Partitions; partition++)
            {
                for (long after = 0; await Log.ReadAsync(partition, after, 50, CancellationToken.None) is { Count: > 0 } page; after += page.Count)
                {
                    records.AddRange(page);
                }
            }

            var expected = LogFold.Rows(at, records);
            var found = await ViewStore.ReadManyAsync([.. expected.Keys], CancellationToken.None);
            Assert.Equal(expected.Count, found.Count);
            Assert.All(expected, row => Assert.Equal(row.Value, Encoding.UTF8.GetString(found[row.Key].Value.Span)));
            var index = LogFold.IndexRows(at, records);
            var inIndex = await ViewStore.ReadManyAsync([.. index.Keys], CancellationToken.None);
            Assert.Equal(index.Count, inIndex.Count);
            Assert.All(index, row => Assert.Equal(row.Value, Encoding.UTF8.GetString(inIndex[row.Key].Value.Span)));
            Assert.All(Acknowledged, number => Assert.Contains(RowKeys.Account(at, number), expected));
            // Whoever is confirmed by onboarding is activated by it too.
            Assert.DoesNotContain(
                expected.Where(row => row.Key.StartsWith(RowKeys.Row(at, Views.Account, ""), StringComparison.Ordinal)),
                row => row.Value.Contains("ACCOUNT_PENDING", StringComparison.Ordinal) || row.Value.Contains("ACCOUNT_CONFIRMED", StringComparison.Ordinal));
        },
        TimeSpan.FromSeconds(60));

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _processors.Values)
        {
            if (!process.HasExited)
            {
                Signals.Kill(process.Id);
                await process.WaitForExitAsync();
            }

            process.Dispose();
        }

        Commands.Dispose();
        _channel.Dispose();
        await _host.DisposeAsync();
        _folder.Dispose();
    }

    private static string App(TemporaryFolder folder, string id, string command)
    {
        var (app, http, grpc) = (FreePorts.Next(), FreePorts.Next(), FreePorts.Next());
        return $$"""
              - appID: {{id}}
                appDirPath: {{folder.Location}}
                appPort: {{app}}
                daprHTTPPort: {{http}}
                daprGRPCPort: {{grpc}}
                enableAppHealthCheck: true
                appHealthCheckPath: /healthz/open
                appHealthProbeInterval: 1
                env: { ASPNETCORE_URLS: "http://localhost:{{app}}" }
                {{command}}
            """;
    }

    private Task<HttpResponseMessage> Post(string path, string json) =>
        Commands.PostAsync(path, new StringContent(json, Encoding.UTF8, "application/json"));

    private DaprStateStore Store(string component) =>
        new(new Dapr.Client.Autogen.Grpc.v1.Dapr.DaprClient(_channel), component, TimeSpan.FromSeconds(10));
}
