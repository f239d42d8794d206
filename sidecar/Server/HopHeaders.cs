using System.Collections.Frozen;

namespace Sidecar.Server;

/// <summary>Headers of one connection, which are never passed on to the next (RFC 9110, 7.6.1), and what each connection counts itself.</summary>
internal static class HopHeaders
{
    private static readonly FrozenSet<string> All = new[]
    {
        "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade",
        "HTTP2-Settings", "Content-Length",
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    public static bool Contains(string name) => All.Contains(name);
}
