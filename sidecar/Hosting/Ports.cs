using System.Net;
using System.Net.Sockets;

namespace Sidecar.Hosting;

/// <summary>Finds free ports, and tells whether one is taken.</summary>
internal sealed class Ports(Random random)
{
    // Below the range from which systems take the near ends of outgoing connections: those come and go at any moment.
    private const int First = 20_000;
    private const int Last = 32_000;

    private readonly HashSet<int> _reserved = [];

    /// <summary>Never given out by <see cref="Free"/>.</summary>
    public void Reserve(int port) => _reserved.Add(port);

    /// <summary>A port that nobody listens on and that was not given out before.</summary>
    /// <exception cref="InvalidOperationException">None was found.</exception>
    public int Free()
    {
        for (var attempt = 0; attempt < 10_000; attempt++)
        {
            var port = random.Next(First, Last);
            if (!_reserved.Contains(port) && !IsTaken(port))
            {
                _reserved.Add(port);
                return port;
            }
        }

        throw new InvalidOperationException($"There is no free port from {First} to {Last}.");
    }

    /// <summary>True when something listens on the port, on whatever address of this machine.</summary>
    public static bool IsTaken(int port) =>
        !CanBind(AddressFamily.InterNetwork, IPAddress.Any, port) ||
        (Socket.OSSupportsIPv6 && !CanBind(AddressFamily.InterNetworkV6, IPAddress.IPv6Any, port));

    private static bool CanBind(AddressFamily family, IPAddress address, int port)
    {
        using var socket = new Socket(family, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (family == AddressFamily.InterNetworkV6)
            {
                socket.DualMode = false;
            }

            socket.Bind(new IPEndPoint(address, port));
            return true;
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.AddressAlreadyInUse or SocketError.AccessDenied)
        {
            return false;
        }
        catch (SocketException)
        {
            // The machine has no such address family.
            return true;
        }
    }
}
