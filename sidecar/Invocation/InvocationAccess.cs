using Grpc.Core;
using Sidecar.Configuration;
using Sidecar.Server;

namespace Sidecar.Invocation;

/// <summary>Whether another app may invoke this one: the access control of the called app's configuration.</summary>
internal static class InvocationAccess
{
    /// <summary>Null when the call is allowed. Calls of an app to itself are not asked for.</summary>
    /// <param name="caller">The app that calls.</param>
    /// <param name="target">What it calls, as it was asked for.</param>
    /// <param name="called">The app that it calls.</param>
    /// <param name="verb">The HTTP verb.</param>
    public static DaprError? Refusal(AppSpec caller, InvocationTarget target, AppSpec called, string verb)
    {
        if (called.Configuration.Access is not { } access)
        {
            return null;
        }

        // Without mutual TLS nobody can prove who he is, here or in Dapr.
        var known = caller.Configuration.MutualTls && called.Configuration.MutualTls;
        var domain = caller.Configuration.Access?.TrustDomain ?? AccessControl.DefaultTrustDomain;
        var policy = !known ? null : access.Policies.FirstOrDefault(p =>
            p.AppId == caller.AppId && p.Namespace == InvocationTarget.Namespace && p.TrustDomain == domain);
        var path = target.PathAndQuery.Split('?')[0];
        if (policy is null ? access.AllowByDefault : Allows(policy, path, verb) ?? access.AllowByDefault)
        {
            return null;
        }

        var id = known ? $"spiffe://{domain}/ns/{InvocationTarget.Namespace}/{caller.AppId}" : "";
        return target.Failed($"rpc error: code = PermissionDenied desc = access control policy has denied access to id: {id} operation: {path} verb: {verb}")
            with
        { HttpStatus = StatusCodes.Status403Forbidden, GrpcStatus = StatusCode.Internal };
    }

    private static bool? Allows(AccessPolicy policy, string path, string verb)
    {
        if (new OperationTree(policy.Operations).Find(path) is { } operation && (operation.Verbs.Contains(verb) || operation.Verbs.Contains("*")))
        {
            return operation.Allow;
        }

        return policy.AllowByDefault;
    }
}
