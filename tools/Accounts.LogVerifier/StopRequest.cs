using System.Runtime.InteropServices;

namespace Accounts.LogVerifier;

/// <summary>Ctrl-C and SIGTERM as a token.</summary>
internal sealed class StopRequest : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly PosixSignalRegistration[] _registrations;

    public StopRequest() => _registrations =
        [PosixSignalRegistration.Create(PosixSignal.SIGINT, Received), PosixSignalRegistration.Create(PosixSignal.SIGTERM, Received)];

    public CancellationToken Token => _source.Token;

    private void Received(PosixSignalContext context)
    {
        context.Cancel = true;
        _ = _source.CancelAsync();
    }

    public void Dispose()
    {
        Array.ForEach(_registrations, r => r.Dispose());
        _source.Dispose();
    }
}
