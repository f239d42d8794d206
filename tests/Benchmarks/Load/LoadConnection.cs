using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Benchmarks;

/// <summary>
/// One keep-alive connection: a request, its answer, the next request. No client library: what the generator spends is taken
/// from the two cores that are measured.
/// </summary>
internal sealed class LoadConnection : IDisposable
{
    private const int BufferSize = 64 * 1024;
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly SocketAsyncEventArgs _receiving = new();
    private readonly byte[] _request = new byte[1024];
    private readonly byte[] _answer = new byte[BufferSize];
    private readonly Requests _requests;
    private readonly Pace _pace;
    private readonly Tally _tally;
    private int _filled;
    private long _due;
    private bool _lastFailed;

    public LoadConnection(Uri server, Requests requests, Pace pace, Tally tally)
    {
        (_requests, _pace, _tally) = (requests, pace, tally);
        _socket.Connect(new IPEndPoint(IPAddress.Loopback, server.Port));
        _receiving.SetBuffer(_answer, 0, BufferSize);
        _receiving.Completed += (_, _) =>
        {
            if (Take())
            {
                Receive();
            }
        };
    }

    /// <summary>Sends a request that was due at this time, and goes on by itself until the pace has no more for it.</summary>
    public void Start(long due)
    {
        Send(due);
        Receive();
    }

    public void Dispose()
    {
        _socket.Dispose();
        _receiving.Dispose();
    }

    private void Send(long due)
    {
        _due = due;
        _filled = 0;
        _receiving.SetBuffer(0, BufferSize);
        var length = _requests.Write(_request, _lastFailed);
        _socket.Send(_request.AsSpan(0, length));
    }

    private void Receive()
    {
        try
        {
            while (!_socket.ReceiveAsync(_receiving))
            {
                if (!Take())
                {
                    return;
                }
            }
        }
        catch (ObjectDisposedException)
        {
            // The run is over.
        }
    }

    /// <summary>Takes what has come; true when more is to be received.</summary>
    private bool Take()
    {
        if (_receiving.SocketError != SocketError.Success || _receiving.BytesTransferred == 0)
        {
            _tally.Failed("connection lost");
            _pace.Left();
            return false;
        }

        _filled += _receiving.BytesTransferred;
        var buffer = _answer.AsSpan(0, _filled);
        if (!HttpAnswer.TryRead(buffer, out var answer))
        {
            _receiving.SetBuffer(_filled, BufferSize - _filled);
            return true;
        }

        _lastFailed = !_tally.Answered(buffer, answer, _requests.Account, Stopwatch.GetElapsedTime(_due));
        if (_pace.Next(this) is not { } due)
        {
            return false;
        }

        Send(due);
        return true;
    }
}
