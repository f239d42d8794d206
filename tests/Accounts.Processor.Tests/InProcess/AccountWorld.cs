using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using Accounts.Contracts;
using Accounts.Domain;
using Accounts.Processor.Functions;
using EventLog;
using Microsoft.Extensions.Logging.Abstractions;
using Decision = Accounts.Domain.Decision;
using Log = EventLog.CommandLog<Accounts.Domain.Account, Accounts.Domain.AccountCommand, Accounts.Domain.AccountEvent>;

namespace Accounts.Processor.Tests.InProcess;

/// <summary>
/// A real log of accounts over a store in memory, a store for views, and any number of processors: what is tested is the
/// real mechanism, with failures where and when a test wants them.
/// </summary>
internal sealed class AccountWorld : IAsyncDisposable
{
    public const int Partitions = 4;

    private static int _worlds;

    // No two worlds have a log of the same id, since tests show that a store of views can outlive a log.
    private readonly int _world = Interlocked.Increment(ref _worlds);
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Replica> _replicas = [];
    private readonly Task _running;
    private int _ids;

    /// <param name="views">The views' store, when a test does something to it.</param>
    /// <param name="elsewhere">Instead of it, a store of which a test knows no more than a service does.</param>
    public AccountWorld(SimulatedStore? views = null, IStateStore? elsewhere = null)
    {
        Views = views ?? new SimulatedStore();
        ViewStore = elsewhere ?? Views;
        Commands = new Log(
            Records, new PartitionRoutes("writers", (_, _, _) => throw new IOException("no actors here")),
            Decider, new LogOptions { Partitions = Partitions, RouteSilence = TimeSpan.FromMilliseconds(1) },
            new System.Diagnostics.Metrics.Meter("test"),
            _ => WokenAt, TimeProvider.System, () => $"id{_world}-{Interlocked.Increment(ref _ids)}", NullLogger.Instance);
        Reader = new LogReader(Records, TimeProvider.System);
        _running = Commands.RunAsync(_stop.Token);
    }

    public SimulatedStore Records { get; } = new();

    public SimulatedStore Views { get; }

    /// <summary>The views' store as processors see it.</summary>
    public IStateStore ViewStore { get; }

    /// <summary>Takes what publishers publish.</summary>
    public SimulatedBroker Broker { get; } = new();

    public Log Commands { get; }

    public LogReader Reader { get; }

    /// <summary>What becomes of the wake-ups; by default all replicas hear each.</summary>
    public Action<WakeUp>? OnWakeUp { get; set; }

    /// <summary>What the command service says to a policy before it does anything; null: nothing, go on.</summary>
    public Func<string, HttpResponseMessage?> BeforeCommand { get; set; } = _ => null;

    /// <summary>What the functions of replicas are that start from now on; by default what they are.</summary>
    public Func<Function, Function> As { get; set; } = function => function;

    /// <summary>Idempotency keys of all commands that policies sent.</summary>
    public ConcurrentQueue<string> Keys { get; } = new();

    public Replica Start(params string[] settings) => Start(null, settings);

    public Replica Start(Action<Replica>? before, params string[] settings)
    {
        var replica = new Replica(this, settings);
        before?.Invoke(replica);
        _replicas.Add(replica);
        replica.Start();
        return replica;
    }

    public Task<Outcome<Account>> Create(string number, long user = 1) => Send(number, new AccountCommand.Create(number, user, false));

    public Task<Outcome<Account>> Send(string number, AccountCommand command, string? key = null) => Commands.SubmitAsync(
        new Submission<AccountCommand> { Stream = number, Command = command, Key = key, Fingerprint = command.ToString(), CorrelationId = "c" },
        CancellationToken.None);

    /// <summary>All records of the log, by partition.</summary>
    public async Task<IReadOnlyList<LogRecord>> ReadAll()
    {
        var records = new List<LogRecord>();
        for (var partition = 0; partition < Partitions; partition++)
        {
            for (long after = 0; await Reader.ReadAsync(partition, after, 100, CancellationToken.None) is { Count: > 0 } page; after += page.Count)
            {
                records.AddRange(page);
            }
        }

        return records;
    }

    public T? Row<T>(string key, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> json)
        where T : class => Views.Values.TryGetValue(key, out var value) ? JsonSerializer.Deserialize(value, json) : null;

    public async Task<ViewPointer> At() => new((await Reader.DescribeAsync(CancellationToken.None)).Id, "1");

    /// <summary>The accounts as a plain fold of the log has them, by number.</summary>
    public async Task<IReadOnlyDictionary<string, Account>> Accounts() => (await ReadAll())
        .SelectMany(record => record.Events)
        .GroupBy(recorded => recorded.Stream)
        .ToDictionary(events => events.Key, events => events.Aggregate((Account?)null, (state, recorded) =>
            Account.Evolve(state, AccountStorage.Read(recorded.Event.Name, recorded.Event.Schema, recorded.Event.Data)!))!);

    /// <summary>A policy's command, on its way through the sidecar.</summary>
    public async Task<HttpResponseMessage> Deliver(HttpRequestMessage request)
    {
        var path = request.RequestUri!.AbsolutePath.Split('/');
        var (number, name) = (path[3], path[5]);
        var key = request.Headers.GetValues(AccountHeaders.IdempotencyKey).Single();
        Keys.Enqueue(key);
        if (BeforeCommand(key) is { } instead)
        {
            return instead;
        }

        var body = (await JsonSerializer.DeserializeAsync(await request.Content!.ReadAsStreamAsync(), ContractsJson.Default.CommandBody))!;
        var fact = body.If is { } facts
            ? new Fact(facts.Status is { } status ? AccountStatusNames.Parse(status) : null, facts.DefaultAccount, facts.DefaultSince)
            : null;
        var outcome = await Send(number, AccountCommand.Named(name, null, fact)!, key);
        var answer = new HttpResponseMessage(outcome.Kind is OutcomeKind.Refused ? HttpStatusCode.Conflict : HttpStatusCode.OK)
        {
            Content = new StringContent("{}"),
        };
        answer.Content.Headers.ContentType = new(outcome.Kind is OutcomeKind.Refused ? MediaTypes.Problem : MediaTypes.Json);
        return answer;
    }

    /// <summary>The way to the command service for whoever is no processor.</summary>
    public HttpClient CommandClient() => new(new Way(this)) { BaseAddress = new Uri("http://commands") };

    public async ValueTask DisposeAsync()
    {
        foreach (var replica in _replicas)
        {
            await replica.Stop();
        }

        await _stop.CancelAsync();
        await _running;
        _stop.Dispose();
    }

    public static Decider<Account, AccountCommand, AccountEvent> Decider { get; } = new()
    {
        Decide = (command, state, at) => Decision.Decide(command, state, at.ToUnixTimeMilliseconds()) switch
        {
            { Refusal: { } code } => Decision<AccountEvent>.Refuse(code),
            { Events: var events } => Decision<AccountEvent>.Accept(events),
        },
        Evolve = Account.Evolve,
        Write = happened =>
        {
            var (name, schema, data) = AccountStorage.Write(happened);
            return new StoredEvent(name, schema, data);
        },
        Read = stored => AccountStorage.Read(stored.Name, stored.Schema, stored.Data),
        StateJson = AccountStorage.StateJson,
        CommandJson = AccountStorage.CommandJson,
    };

    private sealed class Way(AccountWorld world) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => world.Deliver(request);
    }

    private void WokenAt(int partition, long position)
    {
        var wakeUp = new WakeUp(partition, position);
        if (OnWakeUp is { } instead)
        {
            instead(wakeUp);
            return;
        }

        foreach (var replica in _replicas.ToArray())
        {
            replica.Host.Wake(wakeUp);
        }
    }
}
