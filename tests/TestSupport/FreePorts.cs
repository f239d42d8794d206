using System.Net;
using System.Net.Sockets;

namespace TestSupport;

/// <summary>Ports that nobody listens on, each given out once, also among test programs that run beside one another.</summary>
public static class FreePorts
{
    // Below the range from which systems take the near ends of outgoing connections, and apart from the host's own choice.
    private const int First = 12_000;
    private const int Last = 20_000;

    private static readonly string Folder = Directory.CreateDirectory(Path.Combine(Repository.Root, "artifacts", "ports")).FullName;

    // A port is ours while its file is open: the system closes it when the process ends, however it ends.
    private static readonly List<FileStream> Given = [];

    /// <summary>A free port of the loopback interfaces.</summary>
    public static int Next()
    {
        lock (Given)
        {
            while (true)
            {
                var port = Random.Shared.Next(First, Last);
                if (Take(port) is { } taken)
                {
                    Given.Add(taken);
                    if (IsFree(IPAddress.Any, port) && (!Socket.OSSupportsIPv6 || IsFree(IPAddress.IPv6Any, port)))
                    {
                        return port;
                    }
                }
            }
        }
    }

    /// <summary>Whether somebody takes connections at an address like <c>localhost:6379</c>.</summary>
    public static async Task<bool> AnswersAsync(string address)
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(address.Split(':')[0], int.Parse(address.Split(':')[1], System.Globalization.CultureInfo.InvariantCulture));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static FileStream? Take(int port)
    {
        try
        {
            var path = Path.Combine(Folder, port.ToString(System.Globalization.CultureInfo.InvariantCulture));
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static bool IsFree(IPAddress address, int port)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (address.AddressFamily == AddressFamily.InterNetworkV6)
            {
                socket.DualMode = false;
            }

            socket.Bind(new IPEndPoint(address, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
