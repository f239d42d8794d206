using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using TestSupport;

namespace SystemTests;

/// <summary>The tests that share <see cref="ThreeReplicas"/>.</summary>
[CollectionDefinition(Name)]
public sealed class ThreeReplicasTests : ICollectionFixture<ThreeReplicas>
{
    public const string Name = "three replicas";
}

/// <summary>
/// A system with three replicas of the command service, faults by command, and a look at its metrics. Accounts stay as their
/// clients left them: onboarding is off.
/// </summary>
public sealed class ThreeReplicas : IAsyncLifetime
{
    private static readonly string[] Labels = ["accounts-command", "accounts-command#2", "accounts-command#3"];

    private readonly TemporaryFolder _folder = new();
    private readonly int _faultsPort = FreePorts.Next();
    private readonly HttpClient _http = new();
    private readonly ConcurrentBag<ServicesByHand> _byHand = [];
    private readonly int[] _processes = new int[Labels.Length];
    private OtlpReceiver? _metrics;
    private OwnSystem? _system;

    /// <summary>Where the replicas listen.</summary>
    public IReadOnlyList<Uri> Addresses => [.. Labels.Select(System.Address)];

    /// <summary>The replicas' process ids; they change when one is started again.</summary>
    public IReadOnlyList<int> Processes => _processes;

    /// <summary>A line for every event that any client got an acknowledgement for.</summary>
    internal ConcurrentDictionary<string, bool> Acknowledged { get; } = new();

    internal OwnSystem System => _system ?? throw new InvalidOperationException("The system is not started.");

    public async ValueTask InitializeAsync()
    {
        if (GivenAddresses.All is not null)
        {
            return;
        }

        _metrics = await OtlpReceiver.StartAsync();
        _system = await OwnSystem.StartAsync(
            _folder,
            ["--replicas", $"accounts-command={Labels.Length}", "--faults", $"{_faultsPort}"],
            new Dictionary<string, string?>
            {
                ["Onboarding__Enabled"] = "false",
                ["OTEL_EXPORTER_OTLP_ENDPOINT"] = _metrics.Address.ToString(),
                ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
                ["OTEL_TRACES_SAMPLER"] = "always_off",
                ["OTEL_METRIC_EXPORT_INTERVAL"] = "250",
            });
        for (var i = 0; i < Labels.Length; i++)
        {
            _processes[i] = System.Host[Labels[i]].ProcessId!.Value;
            await ReadyAsync(i);
        }
    }

    /// <summary>Sets the faults; an empty list ends them.</summary>
    public async Task FaultsAsync(string list)
    {
        using var content = new StringContent(list, Encoding.UTF8, "application/json");
        using var answer = await _http.PutAsync(new Uri($"http://127.0.0.1:{_faultsPort}/faults"), content);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
    }

    /// <summary>How often so far two replicas wanted one position of the log, and how often an owner was silent, by their own count.</summary>
    public async Task<(long Races, long Silences)> TroubleAsync()
    {
        // Every replica has to export once more, and what it exports next may have been read before this moment.
        var seen = _metrics!.Exports(Labels[0]);
        await Eventually.True(() => _metrics.Exports(Labels[0]) >= seen + (2 * Labels.Length), "the metrics are exported");
        return (_metrics.Sum("accounts.log.lost_races"), _metrics.Sum("accounts.log.silent_routes"));
    }

    /// <summary>How many of the partitions' actors live on a replica, by its sidecar.</summary>
    public async Task<int> ActorsAsync(int replica)
    {
        using var metadata = JsonDocument.Parse(await _http.GetStringAsync(new Uri(System.Host[Labels[replica]].DaprHttp, "/v1.0/metadata")));
        return metadata.RootElement.GetProperty("actorRuntime").TryGetProperty("activeActors", out var types)
            ? types.EnumerateArray().Sum(type => type.TryGetProperty("count", out var count) ? count.GetInt32() : 0)
            : 0;
    }

    /// <summary>Starts a replica again that has ended, by hand and not by the host, and waits until it is ready.</summary>
    public async Task ReviveAsync(int replica)
    {
        await Eventually.True(() => !Signals.IsAlive(_processes[replica]), "the replica has ended", TimeSpan.FromSeconds(20));
        var started = ServicesByHand.Start(System.Host[Labels[replica]], new Dictionary<string, string>
        {
            ["PublicAddress"] = System.Accounts.Queries.ToString(),
            ["Onboarding__Enabled"] = "false",
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = _metrics!.Address.ToString(),
            ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
            ["OTEL_TRACES_SAMPLER"] = "always_off",
            ["OTEL_METRIC_EXPORT_INTERVAL"] = "250",
        });
        _byHand.Add(started);
        _processes[replica] = started.ProcessIds.Single();
        await ReadyAsync(replica);
    }

    /// <summary>Holds the whole log against what was acknowledged, with the verifier that operators use.</summary>
    public async Task VerifyLogAsync()
    {
        var file = _folder.Write("acknowledged", string.Join('\n', Acknowledged.Keys));
        var port = System.Host[Labels[0]].DaprGrpcPort.ToString(CultureInfo.InvariantCulture);
        using var verifier = Process.Start(new ProcessStartInfo(
            "dotnet", [Repository.Assembly("Accounts.LogVerifier"), "--dapr-grpc", port, "--acknowledged", file, "--nothing-else"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var output = await Task.WhenAll(verifier.StandardOutput.ReadToEndAsync(), verifier.StandardError.ReadToEndAsync());
        await verifier.WaitForExitAsync();
        Assert.True(verifier.ExitCode == 0, string.Join('\n', output));
        TestContext.Current.TestOutputHelper?.WriteLine(string.Join('\n', output));
    }

    /// <summary>Holds every row of the views against the log, as operators do.</summary>
    public async Task VerifyViewsAsync()
    {
        string[] views = ["account", "history", "index"];
        foreach (var view in views)
        {
            using var asked = await _http.PostAsync(new Uri(System.Accounts.Processor, $"/v1/functions/{view}/verify"), null);
            Assert.True(asked.IsSuccessStatusCode, await asked.Content.ReadAsStringAsync());
        }

        foreach (var view in views)
        {
            var found = await Eventually.Gives(
                async () =>
                {
                    using var function = JsonDocument.Parse(await _http.GetStringAsync(new Uri(System.Accounts.Processor, $"/v1/functions/{view}")));
                    var verification = function.RootElement.GetProperty("verification").Clone();
                    return verification.GetProperty("state").GetString() == "done" ? verification : throw new TimeoutException(verification.GetRawText());
                },
                TimeSpan.FromSeconds(60));
            Assert.True(
                found.GetProperty("rows").GetInt64() > 0 && found.GetProperty("broken").GetInt64() == 0 && found.GetProperty("unsettled").GetInt64() == 0,
                $"{view}: {found.GetRawText()}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var services in _byHand)
        {
            await services.DisposeAsync();
        }

        if (_system is not null)
        {
            await _system.DisposeAsync();
        }

        if (_metrics is not null)
        {
            await _metrics.DisposeAsync();
        }

        _http.Dispose();
        _folder.Dispose();
    }

    private Task ReadyAsync(int replica) => Eventually.Holds(
        async () => (await System.Accounts.Ask(HttpMethod.Get, new Uri(Addresses[replica], "/healthz/ready"))).Is(200),
        TimeSpan.FromSeconds(30));
}
