namespace Sidecar.Configuration;

/// <summary>
/// A <c>kind: Configuration</c> file, as far as it decides what is answered: which APIs the app may use, and who may
/// invoke it. Without a file everything is open, as in Dapr.
/// </summary>
internal sealed record AppConfiguration
{
    /// <summary>When not empty for a protocol, nothing else is answered on it.</summary>
    public IReadOnlyList<ApiRule> Allowed { get; init; } = [];

    /// <summary>What is not answered, even where it is allowed.</summary>
    public IReadOnlyList<ApiRule> Denied { get; init; } = [];

    /// <summary>Null lets every app invoke everything.</summary>
    public AccessControl? Access { get; init; }

    /// <summary>Whether callers prove who they are. Without that, only the default action of <see cref="Access"/> counts.</summary>
    public bool MutualTls { get; init; }
}

/// <summary>An entry of <c>api.allowed</c> or <c>api.denied</c>.</summary>
/// <param name="Name">For instance <c>state</c>.</param>
/// <param name="Version"><c>v1</c>, <c>v1alpha1</c> and so on.</param>
/// <param name="Protocol"><c>http</c> or <c>grpc</c>.</param>
internal sealed record ApiRule(string Name, string Version, string Protocol);

/// <summary>The rules by which other apps invoke this one.</summary>
internal sealed record AccessControl
{
    public const string DefaultTrustDomain = "public";

    /// <summary>For callers without a policy, and for all callers while nobody can prove who he is.</summary>
    public required bool AllowByDefault { get; init; }

    /// <summary>Also what this app itself claims to belong to when it calls others.</summary>
    public string TrustDomain { get; init; } = DefaultTrustDomain;

    public IReadOnlyList<AccessPolicy> Policies { get; init; } = [];
}

/// <summary>What one caller may do.</summary>
/// <param name="AllowByDefault">For operations that are not listed; null leaves it to the rule for all callers.</param>
internal sealed record AccessPolicy(string AppId, string TrustDomain, string Namespace, bool? AllowByDefault, IReadOnlyList<AccessOperation> Operations);

/// <summary>An operation of a policy.</summary>
/// <param name="Path">May hold wildcards; see <see cref="Invocation.OperationTree"/>.</param>
/// <param name="Verbs">HTTP verbs in upper case, or <c>*</c>.</param>
/// <param name="Allow">What is done with a request that fits.</param>
internal sealed record AccessOperation(string Path, IReadOnlyList<string> Verbs, bool Allow);
