using System.Threading.Channels;

namespace Sidecar.PubSub;

/// <summary>
/// The messages that wait for one app on one topic. The app's replicas take from it in turn, each as fast as it can.
/// </summary>
/// <remarks>
/// Memory is bounded by back-pressure: when an app is 16 MiB behind, its publishers wait. Dapr's in-memory broker makes a
/// publisher wait from the second message on; brokers outside do not, and code should be tried with both habits.
/// </remarks>
internal sealed class Backlog
{
    private const int Limit = 16 << 20;

    private readonly Channel<Message> _messages = Channel.CreateUnbounded<Message>();
    private readonly Lock _gate = new();
    private TaskCompletionSource? _room;
    private long _size;
    private int _members;
    private Message? _held;

    /// <summary>A message that is to come after the next one; only faults hold one back.</summary>
    public Message? Held => Volatile.Read(ref _held);

    /// <summary>A replica starts to take messages.</summary>
    public void Join()
    {
        lock (_gate)
        {
            _members++;
        }
    }

    /// <summary>A replica takes no more. With the last one everything that waits is lost. True when nobody is left.</summary>
    public bool Leave()
    {
        lock (_gate)
        {
            if (--_members > 0)
            {
                return false;
            }

            while (_messages.Reader.TryRead(out _))
            {
            }

            _size = 0;
            MakeRoom();
            return true;
        }
    }

    /// <summary>Adds a message; waits while the backlog is full.</summary>
    public async ValueTask AddAsync(Message message, CancellationToken cancellation)
    {
        while (true)
        {
            Task room;
            lock (_gate)
            {
                if (_members == 0)
                {
                    return;
                }

                if (_size == 0 || _size + message.Size <= Limit)
                {
                    _size += message.Size;
                    _messages.Writer.TryWrite(message);
                    return;
                }

                _room ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                room = _room.Task;
            }

            await room.WaitAsync(cancellation);
        }
    }

    /// <summary>The next message; replicas that wait are served in the order in which they came.</summary>
    public async ValueTask<Message> TakeAsync(CancellationToken cancellation)
    {
        var message = await _messages.Reader.ReadAsync(cancellation);
        lock (_gate)
        {
            _size = Math.Max(0, _size - message.Size);
            if (_size <= Limit / 2)
            {
                MakeRoom();
            }
        }

        return message;
    }

    /// <summary>Holds a message back; false when another one is held already.</summary>
    public bool TryHold(Message message) => Interlocked.CompareExchange(ref _held, message, null) is null;

    /// <summary>Ends that; false when somebody else has done so.</summary>
    public bool LetGo(Message message) => Interlocked.CompareExchange(ref _held, null, message) == message;

    private void MakeRoom()
    {
        _room?.TrySetResult();
        _room = null;
    }
}
