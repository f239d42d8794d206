using System.Net.Http.Headers;
using System.Text;
using Grpc.Core;
using Sidecar.Server;

namespace Sidecar.Invocation;

/// <summary>Whom an invocation is for: the app id, and path and query for the app exactly as they were sent.</summary>
internal sealed record InvocationTarget(string AppId, string PathAndQuery)
{
    private const string Invoke = "/v1.0/invoke/";
    private const string Method = "/method/";

    /// <summary>The namespace of every app of this host.</summary>
    public static string Namespace { get; } = Environment.GetEnvironmentVariable("NAMESPACE") is { Length: > 0 } name ? name : "default";

    /// <summary>
    /// Reads the target as Dapr does: the header <c>dapr-app-id</c> (the path is the app's whole path), else the user
    /// <c>dapr-app-id</c> of basic authentication, whose password is the id, else <c>/v1.0/invoke/ID/method/PATH</c>.
    /// </summary>
    /// <returns>Null when none of them names an app.</returns>
    public static InvocationTarget? Of(string rawTarget, IHeaderDictionary headers)
    {
        var id = headers["dapr-app-id"].ToString();
        id = id.Length > 0 ? id : FromBasic(headers.Authorization.ToString());
        if (id.Length > 0)
        {
            return new InvocationTarget(id, rawTarget.StartsWith('/') ? rawTarget : "/" + rawTarget);
        }

        var start = rawTarget.IndexOf(Invoke, StringComparison.Ordinal);
        if (start < 0 || rawTarget[..start].Any(c => c != '/'))
        {
            return null;
        }

        var rest = rawTarget[(start + Invoke.Length)..];
        var method = rest.IndexOf(Method, StringComparison.Ordinal);
        return method > 0
            ? new InvocationTarget(Uri.UnescapeDataString(rest[..method]), "/" + rest[(method + Method.Length)..].TrimStart('/'))
            : null;
    }

    /// <summary>The next replica of the app that can be called: one after the other, over all calls of this host.</summary>
    /// <exception cref="DaprFault">No such app runs, or none of its replicas can be called now.</exception>
    public AppSidecar Replica(Neighbourhood neighbourhood)
    {
        var parts = AppId.Split('.');
        var replicas = parts.Length == 1 || (parts.Length == 2 && parts[1] == Namespace)
            ? neighbourhood.Replicas(parts[0])
            : [];
        if (replicas.Count == 0)
        {
            throw Failed($"couldn't find service: {AppId}").Fault();
        }

        var able = replicas.Where(r => r.AppIsHealthy).ToArray();
        if (able.Length > 0)
        {
            var turn = neighbourhood.Shared(parts[0], () => new Turn());
            return able[(int)(turn.Next() % (uint)able.Length)];
        }

        throw Failed(replicas.All(r => r.Channel is null)
            ? "rpc error: code = Internal desc = app channel is not initialized"
            : "rpc error: code = Internal desc = app is not in a healthy state").Fault();
    }

    /// <summary>Dapr's error for whatever kept a call from reaching the app.</summary>
    public DaprError Failed(string why) =>
        new("ERR_DIRECT_INVOKE", $"failed to invoke, id: {AppId}, err: {why}", StatusCodes.Status500InternalServerError, StatusCode.Internal);

    private static string FromBasic(string authorization)
    {
        if (!AuthenticationHeaderValue.TryParse(authorization, out var value) || value.Scheme != "Basic")
        {
            return "";
        }

        var bytes = new byte[value.Parameter?.Length ?? 0];
        if (!Convert.TryFromBase64String(value.Parameter ?? "", bytes, out var length))
        {
            return "";
        }

        var text = Encoding.UTF8.GetString(bytes, 0, length);
        return text.StartsWith("dapr-app-id:", StringComparison.Ordinal) ? text["dapr-app-id:".Length..] : "";
    }

    private sealed class Turn
    {
        private uint _next;

        public uint Next() => Interlocked.Increment(ref _next);
    }
}
