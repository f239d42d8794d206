using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Sidecar.Actors;
using Sidecar.Configuration;
using Sidecar.PubSub;
using Sidecar.Resiliency;
using Sidecar.Secrets;
using Sidecar.State;

namespace Sidecar.Server;

/// <summary>One app's sidecar: what a <c>daprd</c> process is to one replica of an app.</summary>
internal sealed partial class AppSidecar : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly AppHealth? _health;
    private readonly ILogger _log;
    private readonly List<WebApplication> _servers = [];
    private Task _watching = Task.CompletedTask;
    private Task? _stop;
    private volatile bool _discovered;
    private volatile bool _outboundReady;

    /// <exception cref="InvalidOperationException">Components that cannot be used; the message has a line for each.</exception>
    public AppSidecar(AppSpec app, Resources resources, Neighbourhood neighbourhood, Tokens? tokens = null)
    {
        App = app;
        var problems = new List<ComponentException>();
        Secrets = new SecretStores(resources.Components, problems);
        Resources = resources with { Components = [.. resources.Components.Select(c => Secrets.Resolve(c, problems))] };
        Policies = new Policies(Resources.Resiliency);
        States = new StateStores(Resources.Components, app.AppId, Policies, neighbourhood, problems);
        if (problems.Count > 0)
        {
            throw new InvalidOperationException(string.Join('\n', problems.Select(p => p.Message)));
        }

        Neighbourhood = neighbourhood;
        Tokens = tokens ?? Tokens.FromEnvironment();
        _log = neighbourhood.Loggers.CreateLogger("sidecar." + app.AppId);
        if (app.AppPort is { } port)
        {
            Channel = new AppChannel(app, port, Tokens.App);
            _health = new AppHealth(app, Channel, neighbourhood.Time);
        }

        PubSub = new PubSubRuntime(this);
        Actors = new ActorRuntime(this);
    }

    /// <summary>The app; ports that were 0 in the file are filled in when the sidecar has started.</summary>
    public AppSpec App { get; private set; }

    /// <summary>What the app sees; secrets in the components' metadata are filled in.</summary>
    public Resources Resources { get; }

    /// <summary>How often what fails is tried again, and how long an attempt may take.</summary>
    public Policies Policies { get; }

    public SecretStores Secrets { get; }

    public StateStores States { get; }

    public Neighbourhood Neighbourhood { get; }

    public Tokens Tokens { get; }

    /// <summary>What the app has noted about itself (<c>PUT /v1.0/metadata/KEY</c>).</summary>
    public ConcurrentDictionary<string, string> Labels { get; } = new();

    /// <summary>Null for an app without a port.</summary>
    public AppChannel? Channel { get; }

    /// <summary>Whether the app may be called: it has a port that answers and, if probed, is well.</summary>
    public bool AppIsHealthy => _health?.IsHealthy ?? false;

    /// <summary><c>/v1.0/healthz/outbound</c>: the APIs are up, whatever the app does.</summary>
    public bool OutboundReady => _outboundReady;

    /// <summary><c>/v1.0/healthz</c>: the app has been found and asked for its subscriptions and actors.</summary>
    public bool Ready => _outboundReady && _discovered;

    /// <summary>Ends when the sidecar has stopped, also when its app asked for that (<c>/v1.0/shutdown</c>).</summary>
    public Task Stopped => _stopped.Task;

    /// <summary>
    /// Starts both APIs, then watches the app in the background: when its port answers and it is well, its subscriptions
    /// and actors start; when it becomes unwell they stop.
    /// </summary>
    /// <exception cref="IOException">A port is taken.</exception>
    public async Task StartAsync(CancellationToken cancellation)
    {
        try
        {
            var (grpc, grpcPort) = await ApiServers.StartGrpcAsync(this, MapGrpc, cancellation);
            _servers.Add(grpc);
            var (http, httpPort) = await ApiServers.StartHttpAsync(this, MapHttp, UnknownPathAsync, cancellation);
            _servers.Add(http);
            App = App with { GrpcPort = grpcPort, HttpPort = httpPort };
        }
        catch
        {
            await StopAsync();
            throw;
        }

        Neighbourhood.Join(this);
        _outboundReady = true;
        if (_health is null)
        {
            _discovered = true;
            return;
        }

        _watching = Task.Run(WatchAppAsync, CancellationToken.None);
    }

    /// <summary>Takes no new calls, lets those under way finish for some seconds, and ends everything. May be called twice.</summary>
    public Task StopAsync()
    {
        lock (_servers)
        {
            return _stop ??= StopOnceAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stopping.Dispose();
        GC.SuppressFinalize(this);
    }

    private async Task StopOnceAsync()
    {
        await Task.Yield();
        Neighbourhood.Leave(this);
        _outboundReady = false;
        await _stopping.CancelAsync();
        await _watching;
        if (_started)
        {
            await StopAppPartsAsync();
        }

        foreach (var server in Enumerable.Reverse(_servers))
        {
            await server.StopAsync();
            await server.DisposeAsync();
        }

        Channel?.Dispose();
        _health?.Dispose();
        _stopped.SetResult();
    }

    private async Task WatchAppAsync()
    {
        try
        {
            await _health!.WatchAsync(AppChangedAsync, _stopping.Token);
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // Stopping.
        }
        catch (Exception e)
        {
            Log.WatchFailed(_log, e);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(LogLevel.Error, "The sidecar no longer watches its app.")]
        public static partial void WatchFailed(ILogger log, Exception e);

        [LoggerMessage(LogLevel.Information, "The app is well: its actors and subscriptions start.")]
        public static partial void AppIsHealthy(ILogger log);

        [LoggerMessage(LogLevel.Warning, "The app is not well: its actors and subscriptions stop until it is.")]
        public static partial void AppIsUnwell(ILogger log);
    }
}

/// <summary>The tokens between app and sidecar.</summary>
/// <param name="Api">Callers of the sidecar must bring it; null when everybody may call.</param>
/// <param name="App">The sidecar brings it to the app.</param>
internal sealed record Tokens(string? Api, string? App)
{
    /// <summary>From <c>DAPR_API_TOKEN</c> and <c>APP_API_TOKEN</c>; empty counts as absent.</summary>
    public static Tokens FromEnvironment() => new(Variable("DAPR_API_TOKEN"), Variable("APP_API_TOKEN"));

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
