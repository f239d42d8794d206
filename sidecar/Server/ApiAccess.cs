using Grpc.Core;
using Sidecar.Configuration;

namespace Sidecar.Server;

/// <summary>
/// Which parts of the APIs an app may use (<c>api.allowed</c>, <c>api.denied</c> of its configuration). What it may not
/// is answered as if it were not there; health is always answered.
/// </summary>
internal sealed class ApiAccess(AppConfiguration configuration)
{
    private readonly HashSet<string> _allowedHttp = Keys(configuration.Allowed, "http");
    private readonly HashSet<string> _deniedHttp = Keys(configuration.Denied, "http");
    private readonly HashSet<string> _allowedGrpc = Keys(configuration.Allowed, "grpc");
    private readonly HashSet<string> _deniedGrpc = Keys(configuration.Denied, "grpc");

    /// <summary>What gRPC says about a method that may not be used.</summary>
    public static DaprError GrpcRefusal { get; } = new(
        "", "Not Implemented", StatusCodes.Status501NotImplemented, StatusCode.Unimplemented,
        new ErrorDetails("Not Implemented", new Dictionary<string, string> { ["http.code"] = "501", ["http.error_message"] = "requested endpoint is not available" }));

    /// <summary>Whether a path without its leading slash, for instance <c>v1.0/state/store</c>, may be used.</summary>
    public bool AllowsHttp(string path)
    {
        if (path is "v1.0/healthz" or "v1.0/healthz/outbound")
        {
            return true;
        }

        return !Matches(_deniedHttp) && (_allowedHttp.Count == 0 || Matches(_allowedHttp));

        // The older form of a rule, v1.0 and the beginning of a path, is still read.
        bool Matches(HashSet<string> rules) =>
            rules.Count > 0 && (rules.Contains(Group(path)) || rules.Any(rule => path.StartsWith(rule, StringComparison.Ordinal)));
    }

    public bool AllowsGrpc(string method)
    {
        var group = GroupOfMethod(method);
        return !_deniedGrpc.Contains(group) && (_allowedGrpc.Count == 0 || _allowedGrpc.Contains(group));
    }

    private static string Group(string path)
    {
        var parts = path.Split('/', 3);
        return parts.Length < 2 ? path : $"{parts[0].Replace("v1.0-", "v1", StringComparison.Ordinal).Replace("v1.0", "v1", StringComparison.Ordinal)}/{parts[1]}";
    }

    private static string GroupOfMethod(string method) => method switch
    {
        "InvokeService" => "v1/invoke",
        "GetState" or "GetBulkState" or "SaveState" or "DeleteState" or "DeleteBulkState" or "ExecuteStateTransaction" => "v1/state",
        "QueryStateAlpha1" => "v1alpha1/state",
        "PublishEvent" or "BulkPublishEvent" => "v1/publish",
        "BulkPublishEventAlpha1" => "v1alpha1/publish",
        "InvokeBinding" => "v1/bindings",
        "GetSecret" or "GetBulkSecret" => "v1/secrets",
        "GetMetadata" or "SetMetadata" => "v1/metadata",
        "GetConfiguration" => "v1/configuration",
        "GetConfigurationAlpha1" => "v1alpha1/configuration",
        "TryLockAlpha1" => "v1alpha1/lock",
        "UnlockAlpha1" => "v1alpha1/unlock",
        "Shutdown" => "v1/shutdown",
        _ when method.Contains("Actor", StringComparison.Ordinal) => "v1/actors",
        _ => method,
    };

    private static HashSet<string> Keys(IReadOnlyList<ApiRule> rules, string protocol) =>
        [.. rules.Where(r => r.Protocol.Equals(protocol, StringComparison.OrdinalIgnoreCase)).Select(r => $"{r.Version}/{r.Name}")];
}
