namespace Sidecar.Configuration;

/// <summary>A <c>kind: Resiliency</c> document with its policies and the targets that they apply to.</summary>
internal sealed record ResiliencyFile
{
    public required string Name { get; init; }
    public required string File { get; init; }
    public IReadOnlyList<string> Scopes { get; init; } = [];
    public IReadOnlyDictionary<string, TimeSpan> Timeouts { get; init; } = new Dictionary<string, TimeSpan>();
    public IReadOnlyDictionary<string, RetryPolicy> Retries { get; init; } = new Dictionary<string, RetryPolicy>();

    /// <summary>App id to policy names, for service invocation.</summary>
    public IReadOnlyDictionary<string, PolicyNames> Apps { get; init; } = new Dictionary<string, PolicyNames>();

    /// <summary>Actor type to policy names.</summary>
    public IReadOnlyDictionary<string, PolicyNames> Actors { get; init; } = new Dictionary<string, PolicyNames>();

    /// <summary>Component name to the policies of deliveries to the app.</summary>
    public IReadOnlyDictionary<string, PolicyNames> Inbound { get; init; } = new Dictionary<string, PolicyNames>();

    /// <summary>Component name to the policies of calls to the component.</summary>
    public IReadOnlyDictionary<string, PolicyNames> Outbound { get; init; } = new Dictionary<string, PolicyNames>();
}

/// <summary>Names of a target's policies, each null when the target names none.</summary>
internal sealed record PolicyNames(string? Timeout, string? Retry);

/// <summary>A retry policy. <see cref="MaxRetries"/> of -1 means for ever.</summary>
internal sealed record RetryPolicy
{
    public bool Exponential { get; init; }

    /// <summary>The pause of a constant policy, and the first pause of an exponential one (in Dapr always 500 ms).</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The longest pause of an exponential policy.</summary>
    public TimeSpan MaxInterval { get; init; } = TimeSpan.FromSeconds(60);

    public int MaxRetries { get; init; } = -1;

    /// <summary><c>matching.httpStatusCodes</c>, for instance <c>429,500-599</c>; null means all failures.</summary>
    public string? HttpStatusCodes { get; init; }
}
