using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using Sidecar.Faults;

namespace Sidecar.Server;

/// <summary>
/// What the sidecars of one host share, in the place of what Dapr's sidecars find by name resolution, by the placement
/// service and in brokers and databases outside.
/// </summary>
internal sealed class Neighbourhood(string dataFolder, TimeProvider time, ILoggerFactory? loggers = null, Random? chance = null)
{
    private readonly ConcurrentDictionary<(Type, string), Lazy<object>> _shared = new();
    private readonly List<AppSidecar> _sidecars = [];

    /// <summary>Relative paths in component files (SQLite) are below this folder.</summary>
    public string DataFolder { get; } = dataFolder;

    public TimeProvider Time { get; } = time;

    /// <summary>The faults that tests have asked for; none unless the host serves their address.</summary>
    public FaultSwitches Faults { get; } = new(time, chance ?? Random.Shared);

    /// <summary>Where the sidecars write what a person should know.</summary>
    public ILoggerFactory Loggers { get; } = loggers ?? NullLoggerFactory.Instance;

    /// <summary>All running sidecars of an app, in the order in which they were started.</summary>
    public IReadOnlyList<AppSidecar> Replicas(string appId)
    {
        lock (_sidecars)
        {
            return [.. _sidecars.Where(s => s.App.AppId == appId)];
        }
    }

    public void Join(AppSidecar sidecar)
    {
        lock (_sidecars)
        {
            _sidecars.Add(sidecar);
        }
    }

    public void Leave(AppSidecar sidecar)
    {
        lock (_sidecars)
        {
            _sidecars.Remove(sidecar);
        }
    }

    /// <summary>The one thing of its type with this name, made at the first call: a broker, a database file, the placement table.</summary>
    public T Shared<T>(string name, Func<T> make) where T : class =>
        (T)_shared.GetOrAdd((typeof(T), name), _ => new Lazy<object>(make)).Value;

    /// <summary>Everything that <see cref="Shared{T}"/> has made so far, to be disposed when the host stops.</summary>
    public IEnumerable<object> Made => _shared.Values.Where(v => v.IsValueCreated).Select(v => v.Value);
}
