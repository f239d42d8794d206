using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net.Http.Json;
using Accounts.Contracts;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using TestSupport;

namespace Accounts.Query.Tests;

/// <summary>The embedded sidecar of the query service, with the repository's own components, and no app beside it.</summary>
public sealed class QuerySidecar : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private RunningHost? _host;

    public RunningApp App => _host![AppIds.Query];

    public async ValueTask InitializeAsync()
    {
        var runFile = Path.Combine(_folder.Location, "dapr.yaml");
        await File.WriteAllTextAsync(runFile, $"""
            version: 1
            apps:
              - appID: {AppIds.Query}
                appDirPath: {_folder.Location}
                resourcesPaths: ["{Path.Combine(Repository.Root, "components", "local")}"]
                daprHTTPPort: {FreePorts.Next()}
                daprGRPCPort: {FreePorts.Next()}
            """);
        _host = await RunningHost.StartAsync(new HostStart { RunFile = runFile });
    }

    public async ValueTask DisposeAsync()
    {
        if (_host is not null)
        {
            await _host.DisposeAsync();
        }

        _folder.Dispose();
    }
}

/// <summary>The query service on that sidecar, before any view exists; the tests write the rows, through the sidecar's HTTP API.</summary>
public sealed class SeededViews : WebApplicationFactory<Program>
{
    private readonly RunningApp _sidecar;
    private readonly HttpClient _dapr;
    private readonly IReadOnlyDictionary<string, string> _settings;

    public SeededViews(QuerySidecar sidecar, IReadOnlyDictionary<string, string>? settings = null)
    {
        _settings = settings ?? new Dictionary<string, string>();
        _sidecar = sidecar.App;
        _dapr = new HttpClient { BaseAddress = _sidecar.DaprHttp };
        UseKestrel();
        Client = CreateClient();
    }

    public HttpClient Client { get; }

    /// <summary>Forgets the views that tests before have made: without their pointers, their rows are out of sight.</summary>
    public async Task Forget()
    {
        foreach (var view in (string[])[Views.Account, Views.History, Views.Index])
        {
            using var answer = await _dapr.DeleteAsync($"/v1.0/state/{Components.Views}/{RowKeys.PointerTo(view)}", TestContext.Current.CancellationToken);
            answer.EnsureSuccessStatusCode();
        }
    }

    /// <summary>Writes one row, or a pointer.</summary>
    public Task Write<T>(string key, T value) => Write([(key, value)]);

    /// <summary>Writes many rows.</summary>
    public async Task Write<T>(IEnumerable<(string Key, T Value)> rows)
    {
        foreach (var some in rows.Chunk(1_000))
        {
            using var answer = await _dapr.PostAsJsonAsync($"/v1.0/state/{Components.Views}", some.Select(row => new { key = row.Key, value = row.Value }), TestContext.Current.CancellationToken);
            answer.EnsureSuccessStatusCode();
        }
    }

    /// <summary>How many calls of the sidecar's gRPC API something takes.</summary>
    public async Task<int> Calls(Func<Task> work)
    {
        var calls = 0;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, listening) =>
        {
            if (instrument is { Meter.Name: "System.Net.Http", Name: "http.client.request.duration" })
            {
                listening.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<double>((_, _, tags, _) =>
        {
            foreach (var (name, value) in tags)
            {
                if (name == "server.port" && value is int port && port == _sidecar.DaprGrpcPort)
                {
                    Interlocked.Increment(ref calls);
                }
            }
        });
        listener.Start();
        await work();
        return calls;
    }

    /// <summary>The methods of the sidecar's gRPC API that something calls.</summary>
    public async Task<IReadOnlyList<string>> Methods(Func<Task> work)
    {
        var methods = new ConcurrentQueue<string>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "System.Net.Http",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = call =>
            {
                if (call.GetTagItem("server.port") is int port && port == _sidecar.DaprGrpcPort)
                {
                    methods.Enqueue(((string)call.GetTagItem("url.full")!).Split('/')[^1]);
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
        await work();
        return [.. methods];
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _dapr.Dispose();
    }

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        builder.UseSetting("urls", "http://127.0.0.1:0");
        builder.UseSetting("DAPR_HTTP_PORT", _sidecar.DaprHttpPort.ToString(CultureInfo.InvariantCulture));
        builder.UseSetting("DAPR_GRPC_PORT", _sidecar.DaprGrpcPort.ToString(CultureInfo.InvariantCulture));
        builder.UseSetting("CommandAddress", "https://commands.example/");
        foreach (var (name, value) in _settings)
        {
            builder.UseSetting(name, value);
        }
    }
}
