using Grpc.Core;
using Sidecar.Configuration;
using Sidecar.Faults;
using Sidecar.Resiliency;
using Sidecar.Server;

namespace Sidecar.State;

/// <summary>
/// A state component as one app sees it. Every read and write of its rows passes here, whichever API it came from: the one
/// place for whatever is to happen to all of them.
/// </summary>
internal sealed class StateComponent(
    Component component, IStateStore store, StateRules rules, string? prefix, string appId, Policy policy, FaultSwitches faults, TimeProvider time)
{
    private const string Separator = "||";

    private readonly string _place = Fault.State(component.Name);

    public string Name => component.Name;

    private bool IsPlain => faults.None && policy.IsNone;

    /// <summary>The row under a stored key, or null.</summary>
    /// <exception cref="StoreException"/>
    public ValueTask<StateRow?> GetAsync(string key, CancellationToken cancellation) =>
        IsPlain ? store.GetAsync(key, cancellation) : ReadAsync(token => store.GetAsync(key, token), repeats: true, cancellation);

    /// <summary>
    /// Several rows, in the order of the store (<see cref="IStateStore.GetManyAsync"/>). Where Dapr asks key by key, it takes what fails
    /// for errors of the items, and its policy sees none.
    /// </summary>
    /// <exception cref="StoreException"/>
    public ValueTask<IReadOnlyList<KeyValuePair<string, StateRow?>>> GetManyAsync(IReadOnlyList<string> keys, CancellationToken cancellation) =>
        IsPlain ? store.GetManyAsync(keys, cancellation) : ReadAsync(token => store.GetManyAsync(keys, token), !rules.AnswersKeyByKey, cancellation);

    /// <summary>
    /// One write, or a transaction; ends when the result is durable. What a fault holds up, or what a policy's time-out gives up, is
    /// written later even so, and also if the caller has left by then, as with a database that is slow. A policy repeats it whatever
    /// it failed of, conflicts included: in Dapr so for transactions and for the delete of one key (pkg/api/grpc/grpc.go).
    /// </summary>
    /// <param name="cancellation">The caller has left: nothing is repeated from then on.</param>
    /// <returns>Null, or why it was refused.</returns>
    public Task<StateFailure?> WriteAsync(IReadOnlyList<StateWrite> writes, bool transaction, CancellationToken cancellation) =>
        IsPlain ? store.WriteAsync(writes, transaction) : policy.RunAsync(
            token => TryWriteAsync(writes, transaction).WaitAsync(token),
            failure => failure is null ? Verdict.Done : Verdict.Again, TimedOut, time, cancellation, CancellationToken.None);

    /// <summary>
    /// Several writes side by side, each on its own. A policy repeats those that failed of anything but their ETag; what it repeats
    /// decides the result, as in Dapr (pkg/components/state/bulk.go).
    /// </summary>
    /// <param name="cancellation">The caller has left: nothing is repeated from then on.</param>
    /// <returns>Null, or the worst of what was refused.</returns>
    public Task<StateFailure?> WriteEachAsync(IReadOnlyList<StateWrite> writes, CancellationToken cancellation)
    {
        if (IsPlain && writes.Count == 1)
        {
            return store.WriteAsync(writes, transaction: false);
        }

        var left = writes;
        return policy.RunAsync(
            async token =>
            {
                var tried = left;
                var failures = await Task.WhenAll(tried.Select(write => TryWriteAsync([write], transaction: false))).WaitAsync(token);
                left = [.. tried.Where((_, i) => failures[i] is { Kind: FailureKind.Other })];
                var worst = failures.Where(f => f is not null).OrderBy(f => f!.Kind).FirstOrDefault();

                // Dapr wraps the ETag error of an item of a bulk save once more.
                return tried.Count > 1 && worst is { Kind: not FailureKind.Other } ? worst with { Text = worst.Message } : worst;
            },
            _ => left.Count == 0 ? Verdict.Done : Verdict.Again, TimedOut, time, cancellation, CancellationToken.None);
    }

    /// <summary>The stored key for an app's key.</summary>
    /// <returns>Null when the key holds the separator, which Dapr refuses.</returns>
    public string? StoredKey(string key) =>
        key.Contains(Separator, StringComparison.Ordinal) ? null : prefix is null ? key : prefix + Separator + key;

    /// <summary>The app's key for a stored one.</summary>
    public static string AppKey(string stored) => stored.Split(Separator) is [_, var key, ..] ? key : stored;

    /// <summary>
    /// Makes a component of its file. <c>keyPrefix</c> is <c>appid</c> (if absent), <c>name</c>, <c>namespace</c>, <c>none</c>, or
    /// text that is put before every key in lower case.
    /// </summary>
    /// <exception cref="ComponentException">Its metadata is wrong, or its file cannot be used.</exception>
    public static StateComponent Open(Component component, string appId, Policies policies, Neighbourhood neighbourhood)
    {
        var strategy = component.Metadata.GetValueOrDefault("keyPrefix", "").ToLowerInvariant();
        if (strategy.Contains(Separator, StringComparison.Ordinal))
        {
            throw new ComponentException(component, $"input key/keyPrefix '{strategy}' can't contain '||'");
        }

        var place = Environment.GetEnvironmentVariable("NAMESPACE");
        var prefix = strategy switch
        {
            "" or "appid" => appId,
            "name" => component.Name,
            "namespace" => string.IsNullOrEmpty(place) ? appId : $"{place}.{appId}",
            "none" => null,
            _ => strategy,
        };
        var sqlite = component.Type == "state.sqlite";
        var rules = component.Metadata.GetValueOrDefault("behaveAs") is { } wanted
            ? StateRules.Named(wanted)
                ?? throw new ComponentException(component, $"'behaveAs' is '{wanted}', and can be postgresql, mysql or redis")
            : new StateRules(sqlite ? Behaviour.Sqlite : Behaviour.InMemory);
        return new StateComponent(
            component,
            sqlite ? OpenSqlite(component, rules, neighbourhood) : new MemoryStore(rules, neighbourhood.Time),
            rules,
            prefix,
            appId,
            policies.Outbound(component.Name, "statestore"),
            neighbourhood.Faults,
            neighbourhood.Time);
    }

    private static StateFailure TimedOut => new(FailureKind.Other, Policy.TimedOut);

    private async ValueTask<T> ReadAsync<T>(Func<CancellationToken, ValueTask<T>> read, bool repeats, CancellationToken cancellation)
    {
        var (value, failure) = await policy.RunAsync(
            token => TryReadAsync(read, token),
            result => result.Failure is { } why && (repeats || why.TimedOut) ? Verdict.Again : Verdict.Done,
            (default!, new StoreException(Policy.TimedOut, timedOut: true)), time, cancellation, cancellation);
        return failure is null ? value : throw failure;
    }

    private async Task<(T Value, StoreException? Failure)> TryReadAsync<T>(Func<CancellationToken, ValueTask<T>> read, CancellationToken cancellation)
    {
        try
        {
            // Whether a read fails before or after it was done makes no difference to anybody.
            var met = await faults.MeetAsync(_place, appId, Fault.OfCalls, cancellation);
            if ((met & (FaultKind.FailBefore | FaultKind.FailAfter)) != 0)
            {
                return (default!, new StoreException(FaultSwitches.Words(_place, FaultKind.FailBefore)));
            }

            var value = await read(cancellation);
            faults.Passed(_place);
            return (value, null);
        }
        catch (StoreException e)
        {
            return (default!, e);
        }
    }

    private async Task<StateFailure?> TryWriteAsync(IReadOnlyList<StateWrite> writes, bool transaction)
    {
        var met = await faults.MeetAsync(_place, appId, Fault.OfCalls, CancellationToken.None);
        if (met.HasFlag(FaultKind.FailBefore))
        {
            return new StateFailure(FailureKind.Other, FaultSwitches.Words(_place, FaultKind.FailBefore));
        }

        var refused = await store.WriteAsync(writes, transaction);
        if (met.HasFlag(FaultKind.Repeat))
        {
            refused = await store.WriteAsync(writes, transaction);
        }

        faults.Passed(_place);
        return met.HasFlag(FaultKind.FailAfter) ? new StateFailure(FailureKind.Other, FaultSwitches.Words(_place, FaultKind.FailAfter)) : refused;
    }

    /// <summary>The file that a connection string names (a path, or <c>file:PATH?…</c>); null when the states are to be in memory.</summary>
    public static string? SqlitePath(string connectionString)
    {
        var parts = (connectionString.StartsWith("file:", StringComparison.Ordinal) ? connectionString["file:".Length..] : connectionString).Split('?', 2);
        var inMemory = parts[0].Contains(":memory:", StringComparison.Ordinal)
            || (parts.Length > 1 && parts[1].Contains("mode=memory", StringComparison.Ordinal));
        return inMemory || parts[0].Length == 0 ? null : parts[0];
    }

    private static SqliteStore OpenSqlite(Component component, StateRules rules, Neighbourhood neighbourhood)
    {
        var given = SqlitePath(component.Metadata.GetValueOrDefault("connectionString", ""))
            ?? throw new ComponentException(component, "'connectionString' must name a file; for states in memory use state.in-memory");
        var path = Path.GetFullPath(given, Path.GetFullPath(neighbourhood.DataFolder));
        var table = new SqliteTable(component.Metadata.GetValueOrDefault("tableName", "state"), rules);
        try
        {
            var database = neighbourhood.Shared(path, () => new SqliteDatabase(path, neighbourhood.Time));
            database.ExecuteAsync(table.Create).GetAwaiter().GetResult();
            return new SqliteStore(database, table);
        }
        catch (StoreException e)
        {
            throw new ComponentException(component, $"its database {path} cannot be used: {e.Message}");
        }
    }
}

/// <summary>The state components that an app sees.</summary>
internal sealed class StateStores
{
    private readonly Dictionary<string, StateComponent> _components = new(StringComparer.Ordinal);
    private readonly string _appId;

    /// <param name="problems">Gets what keeps a store from being used.</param>
    public StateStores(
        IEnumerable<Component> components, string appId, Policies policies, Neighbourhood neighbourhood, ICollection<ComponentException> problems)
    {
        _appId = appId;
        foreach (var component in components.Where(c => c.Type is "state.sqlite" or "state.in-memory"))
        {
            try
            {
                var opened = StateComponent.Open(component, appId, policies, neighbourhood);
                _components[component.Name] = opened;
                if (component.IsActorStateStore)
                {
                    ActorStore = opened;
                }
            }
            catch (ComponentException e)
            {
                problems.Add(e);
            }
        }
    }

    /// <summary>The component marked <c>actorStateStore</c>. Its actors' keys carry no prefix of the component's.</summary>
    public StateComponent? ActorStore { get; }

    /// <exception cref="DaprFault">No such component, or none at all.</exception>
    public StateComponent Find(string name)
    {
        if (_components.TryGetValue(name, out var component))
        {
            return component;
        }

        var app = new Dictionary<string, string> { ["appID"] = _appId };
        throw (_components.Count == 0
            ? new DaprError(
                "ERR_STATE_STORE_NOT_CONFIGURED",
                $"state store {name} is not configured",
                StatusCodes.Status500InternalServerError,
                StatusCode.FailedPrecondition,
                new ErrorDetails("DAPR_STATE_NOT_CONFIGURED", app))
            : new DaprError(
                "ERR_STATE_STORE_NOT_FOUND",
                $"state store {name} is not found",
                StatusCodes.Status400BadRequest,
                StatusCode.InvalidArgument,
                new ErrorDetails("DAPR_STATE_NOT_FOUND", app))).Fault();
    }
}
