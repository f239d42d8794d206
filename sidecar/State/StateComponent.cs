using Grpc.Core;
using Sidecar.Actors;
using Sidecar.Configuration;
using Sidecar.Faults;
using Sidecar.Server;

namespace Sidecar.State;

/// <summary>
/// A state component as one app sees it. Every read and write of its rows passes here, whichever API it came from: the one
/// place for whatever is to happen to all of them.
/// </summary>
internal sealed class StateComponent(Component component, IStateStore store, string? prefix, string appId, FaultSwitches faults)
{
    private const string Separator = "||";
    private const FaultKind Kinds = FaultKind.Block | FaultKind.Delay | FaultKind.FailBefore | FaultKind.FailAfter;

    private readonly string _place = Fault.State(component.Name);

    public string Name => component.Name;

    /// <summary>The row under a stored key, or null.</summary>
    /// <exception cref="StoreException"/>
    public ValueTask<StateRow?> GetAsync(string key, CancellationToken cancellation) =>
        faults.None ? store.GetAsync(key, cancellation) : ReadAsync(() => store.GetAsync(key, cancellation), cancellation);

    /// <summary>Several rows, in the order of the store (<see cref="IStateStore.GetManyAsync"/>).</summary>
    /// <exception cref="StoreException"/>
    public ValueTask<IReadOnlyList<KeyValuePair<string, StateRow?>>> GetManyAsync(IReadOnlyList<string> keys, CancellationToken cancellation) =>
        faults.None ? store.GetManyAsync(keys, cancellation) : ReadAsync(() => store.GetManyAsync(keys, cancellation), cancellation);

    /// <summary>
    /// One write, or a transaction; ends when the result is durable. What a fault holds up is written later even if the
    /// caller has left by then, as with a database that is slow.
    /// </summary>
    /// <returns>Null, or why it was refused.</returns>
    public Task<StateFailure?> WriteAsync(IReadOnlyList<StateWrite> writes, bool transaction) =>
        faults.None ? store.WriteAsync(writes, transaction) : WriteAsync(() => store.WriteAsync(writes, transaction));

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
    public static StateComponent Open(Component component, string appId, Neighbourhood neighbourhood)
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
            prefix,
            appId,
            neighbourhood.Faults);
    }

    private async ValueTask<T> ReadAsync<T>(Func<ValueTask<T>> read, CancellationToken cancellation)
    {
        // Whether a read fails before or after it was done makes no difference to anybody.
        var met = await faults.MeetAsync(_place, appId, Kinds, cancellation);
        return (met & (FaultKind.FailBefore | FaultKind.FailAfter)) == 0
            ? await read()
            : throw new StoreException(FaultSwitches.Words(_place, FaultKind.FailBefore));
    }

    private async Task<StateFailure?> WriteAsync(Func<Task<StateFailure?>> write)
    {
        var met = await faults.MeetAsync(_place, appId, Kinds, CancellationToken.None);
        if (met.HasFlag(FaultKind.FailBefore))
        {
            return new StateFailure(FailureKind.Other, FaultSwitches.Words(_place, FaultKind.FailBefore));
        }

        var refused = await write();
        return met.HasFlag(FaultKind.FailAfter) ? new StateFailure(FailureKind.Other, FaultSwitches.Words(_place, FaultKind.FailAfter)) : refused;
    }

    private static SqliteStore OpenSqlite(Component component, StateRules rules, Neighbourhood neighbourhood)
    {
        var text = component.Metadata.GetValueOrDefault("connectionString", "");
        var path = text.StartsWith("file:", StringComparison.Ordinal) ? text["file:".Length..].Split('?')[0] : text;
        if (path.Length == 0 || path == ":memory:" || text.Contains("mode=memory", StringComparison.Ordinal))
        {
            throw new ComponentException(component, "'connectionString' must name a file; for states in memory use state.in-memory");
        }

        path = Path.GetFullPath(path, Path.GetFullPath(neighbourhood.DataFolder));
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
        IEnumerable<Component> components, string appId, Neighbourhood neighbourhood, ICollection<ComponentException> problems)
    {
        _appId = appId;
        foreach (var component in components.Where(c => c.Type is "state.sqlite" or "state.in-memory"))
        {
            try
            {
                var opened = StateComponent.Open(component, appId, neighbourhood);
                _components[component.Name] = opened;
                if (ActorRuntime.IsActorStateStore(component))
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
