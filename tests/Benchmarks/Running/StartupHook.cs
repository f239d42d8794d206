using System.Net.Sockets;
using System.Runtime.InteropServices;

/// <summary>
/// Runs inside the measured services before their own code (<c>DOTNET_STARTUP_HOOKS</c>), so that they can be asked how much
/// they have allocated without an address, a setting or a line of theirs being there for it. The runtime wants this name,
/// without a namespace.
/// </summary>
internal static class StartupHook
{
    private const string Folder = "BENCHMARK_PROBES";

    /// <summary>What a service's environment needs, to be asked in the folder.</summary>
    public static IReadOnlyDictionary<string, string> Environment(string folder) => new Dictionary<string, string>
    {
        ["DOTNET_STARTUP_HOOKS"] = typeof(StartupHook).Assembly.Location,
        [Folder] = folder,
    };

    /// <summary>Bytes that the process has allocated since it started; null when it cannot be asked.</summary>
    public static long? Ask(string folder, int process)
    {
        var path = SocketOf(folder, process);
        if (!File.Exists(path))
        {
            return null;
        }

        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(path));
        Span<byte> answer = stackalloc byte[sizeof(long)];
        return socket.Receive(answer) == answer.Length ? MemoryMarshal.Read<long>(answer) : null;
    }

    /// <summary>Called by the runtime.</summary>
    public static void Initialize()
    {
        if (System.Environment.GetEnvironmentVariable(Folder) is { } folder)
        {
            new Thread(() => Answer(SocketOf(folder, System.Environment.ProcessId))) { IsBackground = true, Name = "benchmark probe" }.Start();
        }
    }

    private static void Answer(string path)
    {
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        while (true)
        {
            using var asked = listener.Accept();
            asked.Send(BitConverter.GetBytes(GC.GetTotalAllocatedBytes(precise: true)));
        }
    }

    private static string SocketOf(string folder, int process) =>
        Path.Combine(folder, process.ToString(System.Globalization.CultureInfo.InvariantCulture));
}
