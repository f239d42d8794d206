using System.Diagnostics;

namespace TestSupport;

/// <summary>
/// <c>dotnet test</c> runs as many test programs at once as there are processors. How one gets along with the others its project says
/// (see <c>tests/Directory.Build.props</c>); the answer is a fixture of the whole program, held from the first test to the last.
/// </summary>
public static class Turn
{
    // A test program that a test starts belongs to it.
    private const string Held = "TESTS_TURN_IS_HELD";

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);
    private static readonly bool OfAnother = Environment.GetEnvironmentVariable(Held) is not null;
    private static FileStream? _held;

    private static void Take(FileAccess access, FileShare share)
    {
        if (OfAnother)
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

    private static void GiveBack() => _held?.Dispose();

    /// <summary>Awaits what processes do, and goes well beside another of its kind.</summary>
    public sealed class Shared : IDisposable
    {
        public Shared() => Take(FileAccess.Read, FileShare.Read);

        public void Dispose() => GiveBack();
    }

    /// <summary>
    /// For those tests of a program that uses all processors and measures what it gets of them: while it lives, no other program is
    /// at work, except those that stay behind.
    /// </summary>
    public sealed class Alone : IDisposable
    {
        public Alone()
        {
            GiveBack();
            Take(FileAccess.ReadWrite, FileShare.None);
        }

        public void Dispose()
        {
            GiveBack();
            Take(FileAccess.Read, FileShare.Read);
        }
    }

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
