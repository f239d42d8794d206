using System.Runtime.InteropServices;

namespace Sidecar.Hosting;

/// <summary>
/// Ctrl-C, SIGTERM and their kin, turned into two tokens: the first request stops in good order, a second Ctrl-C kills.
/// </summary>
internal sealed class StopRequests : IDisposable
{
    // One Ctrl-C may arrive twice: from the terminal, and once more from a parent that passes it on.
    private static readonly TimeSpan SamePress = TimeSpan.FromMilliseconds(500);

    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _kill = new();
    private readonly List<PosixSignalRegistration> _registrations;
    private readonly TimeProvider _time;
    private long _first;

    public StopRequests(TimeProvider time)
    {
        _time = time;
        _registrations = [.. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT }
            .Select(signal => PosixSignalRegistration.Create(signal, Received))];
    }

    /// <summary>Cancelled by the first request.</summary>
    public CancellationToken Stop => _stop.Token;

    /// <summary>Cancelled by a Ctrl-C after the first request.</summary>
    public CancellationToken Kill => _kill.Token;

    private void Received(PosixSignalContext context)
    {
        context.Cancel = true;
        if (!_stop.IsCancellationRequested)
        {
            _first = _time.GetTimestamp();
            _ = _stop.CancelAsync();
        }
        else if (context.Signal == PosixSignal.SIGINT && _time.GetElapsedTime(_first) > SamePress)
        {
            _ = _kill.CancelAsync();
        }
    }

    public void Dispose()
    {
        _registrations.ForEach(r => r.Dispose());
        _stop.Dispose();
        _kill.Dispose();
    }
}
