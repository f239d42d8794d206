using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Benchmarks;

/// <summary>
/// How long after an answer its account is seen in the view: a few watchers each take the next answer there is, and ask for
/// the account about every millisecond until it is there at that version.
/// </summary>
internal sealed class ViewLag : IDisposable
{
    private const int Watchers = 2;
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan BetweenSamples = TimeSpan.FromMilliseconds(10);

    private readonly Lock _gate = new();
    private readonly Latencies _latencies = new();
    private readonly Thread[] _threads;
    private readonly Uri _views;
    private (string Account, long Version, long At)? _next;
    private bool _measuring;
    private volatile bool _ended;

    public ViewLag(Uri views)
    {
        _views = views;
        _threads = [.. Enumerable.Range(0, Watchers).Select(_ => new Thread(Watch) { IsBackground = true, Name = "view watcher" })];
        Array.ForEach(_threads, thread => thread.Start());
    }

    /// <summary>An answer has come; whichever watcher is free takes the newest.</summary>
    public void Offer(string account, long version)
    {
        lock (_gate)
        {
            _next = (account, version, Stopwatch.GetTimestamp());
        }
    }

    /// <summary>From now on it counts.</summary>
    public void Begin()
    {
        lock (_gate)
        {
            _measuring = true;
        }
    }

    /// <summary>Lets the watchers finish what they watch, and gives what they saw.</summary>
    public LagResult End()
    {
        _ended = true;
        Array.ForEach(_threads, thread => thread.Join());
        return new LagResult(_latencies.Count, _latencies.Percentile(0.5), _latencies.Percentile(0.95), _latencies.Percentile(0.99));
    }

    public void Dispose() => _ended = true;

    private void Watch()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Connect(new IPEndPoint(IPAddress.Loopback, _views.Port));
        var buffer = new byte[16 * 1024];
        while (!_ended)
        {
            if (TakeNext() is var (account, version, at))
            {
                while (!IsSeen(socket, buffer, account, version) && Stopwatch.GetElapsedTime(at) < LongestWait)
                {
                    Thread.Sleep(1);
                }

                lock (_gate)
                {
                    if (_measuring)
                    {
                        _latencies.Add(Stopwatch.GetElapsedTime(at));
                    }
                }
            }

            Thread.Sleep(BetweenSamples);
        }
    }

    private (string Account, long Version, long At)? TakeNext()
    {
        lock (_gate)
        {
            var taken = _next;
            _next = null;
            return taken;
        }
    }

    private bool IsSeen(Socket socket, byte[] buffer, string account, long version)
    {
        socket.Send(Encoding.ASCII.GetBytes($"GET /v1/accounts/{account} HTTP/1.1\r\nHost: localhost:{_views.Port}\r\n\r\n"));
        for (var filled = 0; ;)
        {
            filled += socket.Receive(buffer.AsSpan(filled));
            if (HttpAnswer.TryRead(buffer.AsSpan(0, filled), out var answer))
            {
                return answer.Status == 200 && answer.Version >= version;
            }
        }
    }
}
