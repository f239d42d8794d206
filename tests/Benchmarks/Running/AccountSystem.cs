using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using TestSupport;

namespace Benchmarks;

/// <summary>How a system is started.</summary>
internal sealed record SystemSettings
{
    public int? Partitions { get; init; }

    public int CommandReplicas { get; init; } = 1;

    /// <summary>False: one record for each command.</summary>
    public bool GroupCommit { get; init; } = true;

    /// <summary>The policies that confirm and activate each new account.</summary>
    public bool Onboarding { get; init; }

    /// <summary>The runtime writes a map of what it compiles, for a profiler.</summary>
    public bool MapCompiled { get; init; }
}

/// <summary>
/// The services and their sidecars, started from the repository's run file on free ports and temporary data, and what has been
/// acknowledged by them.
/// </summary>
internal sealed class AccountSystem : IAsyncDisposable
{
    private const string Command = "accounts-command";
    private const long UsersOfARun = 10_000_000_000;
    private readonly RunningHost _host;
    private readonly TemporaryFolder _folder;
    private readonly SystemSettings _settings;
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(10) };
    private int _runs;

    private AccountSystem(RunningHost host, TemporaryFolder folder, SystemSettings settings)
    {
        (_host, _folder, _settings) = (host, folder, settings);
        Commands = [.. host.Apps.Values.Where(IsCommand).OrderBy(app => app.Label, StringComparer.Ordinal).Select(app => app.Address!)];
    }

    /// <summary>The replicas of the command service.</summary>
    public IReadOnlyList<Uri> Commands { get; }

    public Uri Processor => _host["accounts-processor"].Address!;

    public Uri Queries => _host["accounts-query"].Address!;

    /// <summary>The gRPC API of the command service's sidecar.</summary>
    public Uri CommandSidecar => _host[Command].DaprGrpc;

    /// <summary>All its processes; the sidecars of all services are one.</summary>
    public Meter Meter => new(Processes, _folder.At("probes"));

    /// <summary>What part each of its processes plays.</summary>
    public IReadOnlyDictionary<int, string> ProcessNames => Processes.ToDictionary(p => p.Id, p => p.Name);

    private IReadOnlyList<(string Name, int Id)> Processes =>
    [
        .. _host.Apps.Values.Select(app => (IsCommand(app) ? "command" : app.Label.Split('-')[1], app.ProcessId!.Value)),
        ("sidecars", _host.ProcessId),
    ];

    private string AcknowledgedFile => _folder.At("acknowledged");

    /// <summary>Starts it and waits until every service is ready.</summary>
    public static async Task<AccountSystem> StartAsync(SystemSettings settings)
    {
        var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder.At("probes"));
        var environment = new Dictionary<string, string>(StartupHook.Environment(folder.At("probes")))
        {
            ["Onboarding__Enabled"] = settings.Onboarding ? "true" : "false",
        };
        if (settings.Partitions is { } partitions)
        {
            environment["EventLog__Partitions"] = partitions.ToString(CultureInfo.InvariantCulture);
        }

        if (!settings.GroupCommit)
        {
            environment["EventLog__BatchCommands"] = "1";
        }

        Dictionary<string, string?> forAll = settings.MapCompiled
            ? new() { ["DOTNET_PerfMapEnabled"] = "1", ["DOTNET_EnableWriteXorExecute"] = "0" }
            : [];
        var host = await RunningHost.StartAsync(new HostStart
        {
            LivesLong = true,
            Environment = forAll,
            RunFile = RunFileCopy.Write(folder.Location, environment),
            DataFolder = folder.At("data"),
            Flags = ["--replicas", $"{Command}={settings.CommandReplicas}"],
        });
        var system = new AccountSystem(host, folder, settings);
        foreach (var service in system.Commands.Append(system.Processor).Append(system.Queries))
        {
            await Eventually.True(
                async () => (await system._http.GetAsync(new Uri(service, "/healthz/ready"))).IsSuccessStatusCode, $"{service} is ready", TimeSpan.FromSeconds(30));
        }

        return system;
    }

    /// <summary>Puts a load of commands on it.</summary>
    /// <param name="shape">The run; servers, prefix and the file of what is acknowledged are filled in here.</param>
    public async Task<(LoadResult Result, IReadOnlyList<ProcessUse> Use)> LoadAsync(LoadPlan shape)
    {
        var run = ++_runs;
        var plan = shape with { Prefix = string.Create(CultureInfo.InvariantCulture, $"B{run}"), FirstUser = run * UsersOfARun, AcknowledgedFile = AcknowledgedFile };
        if (plan.Workload is Workload.Hot)
        {
            // A user of its own: the default of an earlier run would be cleared by the policy, with an event that no client was told of.
            await CreateAsync(Requests.Hot(plan.Prefix), plan.FirstUser);
        }

        return await Role.RunAsync(Role.Load, plan, Meter, LoadProcess.Environment);
    }

    /// <summary>Waits until all functions have taken all events, and says how long that took.</summary>
    public async Task<TimeSpan> FunctionsAreDoneAsync(TimeSpan patience)
    {
        var started = Stopwatch.GetTimestamp();
        await Eventually.True(
            async () =>
            {
                using var functions = JsonDocument.Parse(await _http.GetStringAsync(new Uri(Processor, "/v1/functions")));

                // Policies that are switched off take nothing, and lag.
                return functions.RootElement.GetProperty("items").EnumerateArray()
                    .Where(function => _settings.Onboarding || function.GetProperty("kind").GetString() != "policy")
                    .All(function => function.GetProperty("lagEvents").GetInt64() == 0);
            },
            "the functions have taken all events",
            patience);
        return Stopwatch.GetElapsedTime(started);
    }

    /// <summary>Makes a view again from the first event, and says how many events a second that were.</summary>
    public async Task<double> RebuildAsync(string view, TimeSpan patience)
    {
        using (var order = await _http.PostAsync(new Uri(Processor, $"/v1/functions/{view}/rebuild"), null))
        {
            order.EnsureSuccessStatusCode();
        }

        var rate = 0.0;
        await Eventually.True(
            async () =>
            {
                using var function = JsonDocument.Parse(await _http.GetStringAsync(new Uri(Processor, $"/v1/functions/{view}")));
                var generations = function.RootElement.GetProperty("generations").EnumerateArray().ToList();
                foreach (var filled in generations.Where(g => g.TryGetProperty("eventsPerSecond", out _)))
                {
                    rate = filled.GetProperty("eventsPerSecond").GetDouble();
                }

                return rate > 0 && generations.TrueForAll(g => g.GetProperty("state").GetString() is "live" or "kept" or "switched");
            },
            $"view {view} is made again",
            patience);
        return rate;
    }

    /// <summary>
    /// Reads the whole log and compares it with what was acknowledged: it must hold just that.
    /// </summary>
    /// <param name="versionsPerAccount">More than 0: each acknowledged account must have that many events, by policies.</param>
    /// <returns>What the verifier says.</returns>
    public async Task<(bool Exact, string Said)> VerifyAsync(int versionsPerAccount = 0)
    {
        if (versionsPerAccount > 0)
        {
            var accounts = File.ReadLines(AcknowledgedFile).Select(line => line.Split(' ')[0]).Distinct().ToList();
            await File.WriteAllLinesAsync(AcknowledgedFile, accounts.SelectMany(account => Enumerable.Range(1, versionsPerAccount).Select(version => $"{account} {version}")));
        }

        var info = new ProcessStartInfo(
            "dotnet",
            [Repository.Assembly("Accounts.LogVerifier"), "--dapr-grpc", CommandSidecar.Port.ToString(CultureInfo.InvariantCulture), "--acknowledged", AcknowledgedFile, "--nothing-else"])
        {
            RedirectStandardOutput = true,
        };
        using var verifier = Process.Start(info)!;
        var said = await verifier.StandardOutput.ReadToEndAsync();
        await verifier.WaitForExitAsync();
        if (verifier.ExitCode != 0)
        {
            Console.Error.WriteLine(said);
        }

        return (verifier.ExitCode == 0, said.Trim().Split('\n')[^1]);
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _host.DisposeAsync();
        _folder.Dispose();
    }

    private static bool IsCommand(RunningApp app) => app.Label.Split('#')[0] == Command;

    /// <summary>Opens an account, which must be new.</summary>
    public async Task CreateAsync(string number, long user)
    {
        using var body = new StringContent($$"""{"userId":{{user}},"accountNumber":"{{number}}","defaultAccount":false}""", null, "application/json");
        using var answer = await _http.PostAsync(new Uri(Commands[0], "/v1/accounts"), body);
        answer.EnsureSuccessStatusCode();
        await File.AppendAllLinesAsync(AcknowledgedFile, [$"{number} 1"]);
    }
}
