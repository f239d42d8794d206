using System.Net;
using System.Net.Sockets;

namespace Sidecar.Server;

/// <summary>Ports of the loopback interfaces.</summary>
internal static class Ports
{
    /// <summary>
    /// A port that nothing listens on, on 127.0.0.1 and on [::1]. Someone else may take it before the caller does: whoever
    /// listens on it must be ready to ask again.
    /// </summary>
    public static int Free()
    {
        while (true)
        {
            using var four = new TcpListener(IPAddress.Loopback, 0);
            four.Start();
            var port = ((IPEndPoint)four.LocalEndpoint).Port;
            if (!Socket.OSSupportsIPv6)
            {
                return port;
            }

            try
            {
                using var six = new TcpListener(IPAddress.IPv6Loopback, port);
                six.Start();
                return port;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
                // Taken on the other loopback only.
            }
            catch (SocketException)
            {
                return port;
            }
        }
    }

    /// <summary>Whether something accepts connections there now.</summary>
    public static async Task<bool> AnswersAsync(string host, int port, CancellationToken cancellation)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(host, port, cancellation);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
