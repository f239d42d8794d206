using Sidecar.Configuration;

namespace Sidecar.Resiliency;

/// <summary>
/// The policies of one app's <c>kind: Resiliency</c> files, looked up by target as Dapr does (pkg/resiliency/resiliency.go): what
/// the target names, and for a target that no file mentions the policies with the reserved <c>Default…Policy</c> names. Circuit
/// breakers are not supported.
/// </summary>
internal sealed class Policies(IReadOnlyList<ResiliencyFile> files)
{
    private static readonly RetryPolicy ThreeTimesASecond =
        new() { Duration = TimeSpan.FromSeconds(1), MaxRetries = 3 };

    private static readonly RetryPolicy FiveTimesASecond =
        new() { Duration = TimeSpan.FromSeconds(1), MaxRetries = 5 };

    private static readonly RetryPolicy Growing =
        new() { Exponential = true, MaxInterval = TimeSpan.FromSeconds(60), MaxRetries = -1 };

    private static readonly RetryPolicy Start =
        new() { Exponential = true, MaxInterval = TimeSpan.FromSeconds(1), MaxRetries = 3 };

    /// <summary>Deliveries of a pub/sub component to the app. No policy: one attempt.</summary>
    public Policy Inbound(string component) =>
        Find(f => f.Inbound.GetValueOrDefault(component), f => f.Outbound.ContainsKey(component),
            "pubsubComponentInbound", "ComponentInbound", "Component");

    /// <summary>Calls to a component; <paramref name="kind"/> is <c>pubsub</c> or <c>statestore</c>.</summary>
    public Policy Outbound(string component, string kind) =>
        Find(f => f.Outbound.GetValueOrDefault(component), f => f.Inbound.ContainsKey(component),
            kind + "ComponentOutbound", "ComponentOutbound", "Component");

    /// <summary>Invocations of an app.</summary>
    public Policy App(string appId) => Find(f => f.Apps.GetValueOrDefault(appId), _ => false, "App");

    /// <summary>Invocations of actors: the retry applies before the actor's turn, the time-out within it.</summary>
    public Policy Actor(string type) => Find(f => f.Actors.GetValueOrDefault(type), _ => false, "Actor");

    /// <summary>Whether a file names the actor type as a target; then the built-in repetition is off.</summary>
    public bool NamesActor(string type) => files.Any(f => f.Actors.ContainsKey(type));

    /// <summary>Actor calls whose host went away: three more times, a second apart.</summary>
    public RetryPolicy ActorGone => Retry("DaprBuiltInActorRetries") ?? ThreeTimesASecond;

    /// <summary>Actor calls that find nobody who hosts the type: five more times, a second apart.</summary>
    public RetryPolicy ActorNotFound => Retry("DaprBuiltInActorNotFoundRetries") ?? FiveTimesASecond;

    /// <summary>Reminders whose callback fails: growing pauses, for a quarter of an hour.</summary>
    public static Policy Reminder { get; } = new(null, Growing);

    /// <summary>Asking the app for its subscriptions and actor types at the start.</summary>
    public Policy Initialization => new(null, Retry("DaprBuiltInInitializationRetries") ?? Start);

    private Policy Find(Func<ResiliencyFile, PolicyNames?> target, Func<ResiliencyFile, bool> mentioned, params string[] levels)
    {
        if (files.Count == 0)
        {
            return Policy.None;
        }

        foreach (var file in files.Reverse())
        {
            if (target(file) is { } names)
            {
                return new Policy(Timeout(names.Timeout), Retry(names.Retry));
            }
        }

        // A component that is named for one direction only gets no default in the other.
        if (files.Any(mentioned))
        {
            return Policy.None;
        }

        string[] all = [.. levels, ""];
        return new Policy(
            all.Select(level => Timeout($"Default{level}TimeoutPolicy")).FirstOrDefault(t => t is not null),
            all.Select(level => Retry($"Default{level}RetryPolicy")).FirstOrDefault(r => r is not null));
    }

    private RetryPolicy? Retry(string? name) =>
        name is null ? null : files.Reverse().Select(f => f.Retries.GetValueOrDefault(name)).FirstOrDefault(r => r is not null);

    private TimeSpan? Timeout(string? name)
    {
        foreach (var file in files.Reverse())
        {
            if (name is not null && file.Timeouts.TryGetValue(name, out var timeout))
            {
                return timeout;
            }
        }

        return null;
    }
}
