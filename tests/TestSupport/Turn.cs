using System.Globalization;

namespace TestSupport;

/// <summary>
/// <c>dotnet test</c> runs as many test programs at once as there are processors. Ours start systems of several processes
/// and await what these do, so they take turns: this is a fixture of every test assembly (see
/// <c>tests/Directory.Build.props</c>), held from the first test to the last.
/// </summary>
public sealed class Turn : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);
    private readonly FileStream _held;

    public Turn()
    {
        var path = Path.Combine(Repository.Root, "artifacts", "tests.lock");
        while (true)
        {
            try
            {
                // The system gives it back when the process ends, however it ends.
                _held = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
                break;
            }
            catch (IOException)
            {
                Thread.Sleep(Pause);
            }
        }

        _held.SetLength(0);
        _held.Write(System.Text.Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture)));
        _held.Flush();
    }

    public void Dispose() => _held.Dispose();
}
