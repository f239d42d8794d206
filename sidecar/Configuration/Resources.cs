namespace Sidecar.Configuration;

/// <summary>What one app sees of the resource folders: everything whose scopes are empty or name the app.</summary>
internal sealed record Resources(
    IReadOnlyList<Component> Components,
    IReadOnlyList<Subscription> Subscriptions,
    IReadOnlyList<ResiliencyFile> Resiliency);

/// <summary>A <c>kind: Component</c> document. Secret references are resolved by whoever builds the component.</summary>
internal sealed record Component
{
    /// <summary>Name under which apps address the component.</summary>
    public required string Name { get; init; }

    /// <summary>For instance <c>state.sqlite</c>.</summary>
    public required string Type { get; init; }

    /// <summary>For instance <c>v1</c>.</summary>
    public required string Version { get; init; }

    /// <summary>File that holds the document, for messages.</summary>
    public required string File { get; init; }

    /// <summary>Metadata by name; names are compared without regard to case, as Dapr does.</summary>
    public required IReadOnlyDictionary<string, string> Metadata { get; init; }

    /// <summary>Metadata entries given as <c>secretKeyRef</c>: metadata name to secret name and key.</summary>
    public IReadOnlyDictionary<string, SecretReference> Secrets { get; init; } = new Dictionary<string, SecretReference>();

    /// <summary><c>auth.secretStore</c>: the component that <see cref="Secrets"/> are read from.</summary>
    public string? SecretStore { get; init; }

    /// <summary>App ids that see the component; empty means all.</summary>
    public IReadOnlyList<string> Scopes { get; init; } = [];

    /// <summary><c>spec.ignoreErrors</c>: the sidecar starts without the component when it cannot be made.</summary>
    public bool IgnoreErrors { get; init; }

    /// <summary>Whether it is a state store that is marked <c>actorStateStore</c>.</summary>
    public bool IsActorStateStore => Type.StartsWith("state.", StringComparison.Ordinal)
        && Metadata.Any(m => m.Key.Equals("actorStateStore", StringComparison.OrdinalIgnoreCase) && Truth.IsTruthy(m.Value));
}

/// <summary>A <c>secretKeyRef</c>.</summary>
internal sealed record SecretReference(string Name, string Key);

/// <summary>
/// A subscription, declared in a file (<c>v1alpha1</c>, <c>v2alpha1</c>) or answered by the app at <c>/dapr/subscribe</c>.
/// </summary>
internal sealed record Subscription
{
    public required string PubSubName { get; init; }
    public required string Topic { get; init; }

    /// <summary>Rules in the order in which they are tried; the default route is the last, with an empty match.</summary>
    public required IReadOnlyList<RouteRule> Routes { get; init; }

    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();
    public string? DeadLetterTopic { get; init; }

    /// <summary>Null when messages are delivered one at a time.</summary>
    public BulkSubscribe? Bulk { get; init; }

    /// <summary>App ids; only for declared ones. Empty means all.</summary>
    public IReadOnlyList<string> Scopes { get; init; } = [];

    /// <summary>File of a declared subscription, for messages.</summary>
    public string? File { get; init; }
}

/// <summary>A CEL expression over <c>event</c> (empty: always) and the path that a matching message is posted to.</summary>
internal sealed record RouteRule(string Match, string Path);

/// <summary>How many messages are gathered for one call, and for how long (Dapr: 100 and 1 s).</summary>
internal sealed record BulkSubscribe(int MaxMessages, TimeSpan MaxWait);
