using System.Diagnostics;

namespace TestSupport;

/// <summary>
/// <c>dotnet test</c> runs as many test programs at once as there are processors. How one gets along with the others its project says
/// (see <c>tests/Directory.Build.props</c>); the answer is a fixture of the whole program, held from the first test to the last.
/// </summary>
public abstract class Turn : IDisposable
{
    // A test program that a test starts belongs to it.
    private const string Held = "TESTS_TURN_IS_HELD";

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);
    private readonly FileStream? _held;

    private Turn(FileAccess access, FileShare share)
    {
        if (Environment.GetEnvironmentVariable(Held) is not null)
        {
            return;
        }

        var path = Path.Combine(Repository.Root, "artifacts", "tests.lock");
        while (true)
        {
            try
            {
                using (File.Open(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite))
                {
                }

                // The system gives it back when the process ends, however it ends.
                _held = new FileStream(path, FileMode.Open, access, share);
                Environment.SetEnvironmentVariable(Held, "yes");
                return;
            }
            catch (IOException)
            {
                Thread.Sleep(Pause);
            }
        }
    }

    public void Dispose()
    {
        _held?.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Awaits what processes do, and goes well beside another of its kind.</summary>
    public sealed class Shared() : Turn(FileAccess.Read, FileShare.Read);

    /// <summary>Starts whole systems and measures how long they take.</summary>
    public sealed class Alone() : Turn(FileAccess.ReadWrite, FileShare.None);

    /// <summary>Calculates, and takes what processor time the others leave.</summary>
    public sealed class Behind
    {
        public Behind()
        {
            using var self = Process.GetCurrentProcess();
            self.PriorityClass = ProcessPriorityClass.BelowNormal;
        }
    }
}
