using System.Diagnostics.Metrics;
using System.Text.Json;
using Accounts.Processor.Consumers;
using Accounts.Processor.Functions;
using Accounts.Processor.Operations;
using EventLog;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using TestSupport;
using Autogen = Dapr.Client.Autogen.Grpc.v1;

namespace Accounts.Processor.Tests.InProcess;

/// <summary>One processor. Unless a test says otherwise, it hosts every actor itself.</summary>
internal sealed class Replica
{
    private readonly ILoggerFactory _loggers;

    /// <param name="world">The log and the views.</param>
    /// <param name="settings">Configuration as <c>name=value</c>.</param>
    public Replica(AccountWorld world, params string[] settings)
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(settings.Select(setting => setting.Split('=', 2)).ToDictionary(pair => pair[0], pair => (string?)pair[1])).Build();
        _loggers = LoggerFactory.Create(logging => logging.AddProvider(new Lines(this)));
        Records = new MortalStore(world.Records);
        Views = new MortalStore(world.ViewStore);
        Routes = new PartitionRoutes("consumers", (partition, message, cancellation) => Call!(partition, message, cancellation));
        Call = Routes.ReceivedAsync;
        Host = new FunctionHost(
            Hosted = [.. FunctionList.Hosted(configuration).Select(world.As)], Records, Views, Routes,
            new HttpClient(new Sidecar(this, world)) { BaseAddress = new Uri("http://commands") },
            new Autogen.Dapr.DaprClient(world.Broker), Meter, TimeProvider.System, Random.Shared, _loggers.CreateLogger<FunctionHost>());
        Routes.Receive = Host.ReceiveAsync;
    }

    public FunctionHost Host { get; }

    public Meter Meter { get; } = new("test");

    public IReadOnlyList<Function> Hosted { get; }

    public PartitionRoutes Routes { get; }

    public MortalStore Records { get; }

    public MortalStore Views { get; }

    /// <summary>What was logged, oldest first.</summary>
    public List<string> Log { get; } = [];

    /// <summary>Where calls of the actors go.</summary>
    public Func<int, JsonElement, CancellationToken, Task<JsonElement>> Call { get; set; }

    /// <summary>What operators do; waits until there is something to operate.</summary>
    public Task<Operator> Operator() => Eventually.Gives(() => Task.FromResult(Host.Operator ?? throw new InvalidOperationException("not open yet")));

    public void Start() => Host.StartAsync(CancellationToken.None);

    /// <summary>SIGTERM.</summary>
    public Task Stop() => Host.StopAsync(CancellationToken.None);

    /// <summary>kill -9: nothing that it does from now on reaches anything.</summary>
    public void Kill()
    {
        Records.Dead = Views.Dead = true;
        Call = (_, _, _) => new TaskCompletionSource<JsonElement>().Task;
        _ = Host.StopAsync(new CancellationToken(canceled: true));
    }

    /// <summary>A replica's way to a store: it ends with the replica.</summary>
    internal sealed class MortalStore(IStateStore inner) : IStateStore
    {
        public bool Dead { get; set; }

        public string Name => inner.Name;

        public Task<string?> DescribeAsync(CancellationToken cancellation) => Alive(() => inner.DescribeAsync(cancellation));

        public Task<StoredValue?> ReadAsync(string key, CancellationToken cancellation) => Alive(() => inner.ReadAsync(key, cancellation));

        public Task<IReadOnlyDictionary<string, StoredValue>> ReadManyAsync(IReadOnlyList<string> keys, CancellationToken cancellation) =>
            Alive(() => inner.ReadManyAsync(keys, cancellation));

        public Task CreateAsync(string key, ReadOnlyMemory<byte> value, CancellationToken cancellation) =>
            Alive(() => inner.CreateAsync(key, value, cancellation));

        public Task ReplaceAsync(string key, ReadOnlyMemory<byte> value, string etag, CancellationToken cancellation) =>
            Alive(() => inner.ReplaceAsync(key, value, etag, cancellation));

        public Task TransactAsync(IReadOnlyList<StateWrite> writes, CancellationToken cancellation) => Alive(() => inner.TransactAsync(writes, cancellation));

        public Task DeleteAsync(string key, CancellationToken cancellation) => Alive(() => inner.DeleteAsync(key, cancellation));

        private T Alive<T>(Func<T> call) => Dead ? throw new IOException("dead") : call();
    }

    private sealed class Sidecar(Replica replica, AccountWorld world) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            replica.Views.Dead ? throw new HttpRequestException("dead") : world.Deliver(request);
    }

    private sealed class Lines(Replica replica) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public void Dispose()
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (replica.Log)
            {
                replica.Log.Add($"{logLevel}: {formatter(state, exception)}");
            }
        }
    }
}
