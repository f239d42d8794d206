using System.Diagnostics;
using System.Runtime.InteropServices;

namespace TestSupport;

/// <summary>
/// Gives what calculates the processor time that others leave, so that tests which wait for something, or measure it, get theirs at once
/// (docs/decisions/0020).
/// </summary>
public static class Behind
{
    private const int OneProcess = 0;
    private const int Nice = 10;

    /// <summary>Starts a thread of its own for the work.</summary>
    public static Thread Start(Action work)
    {
        var thread = new Thread(() =>
        {
            if (OperatingSystem.IsLinux())
            {
                // .NET ignores priorities of threads there, and that of a process would be its first thread's alone. To the system, each
                // thread is a process, and 0 the one that calls. It cannot take it back, hence threads of its own.
                _ = SetPriority(OneProcess, 0, Nice);
            }

            work();
        })
        { Priority = ThreadPriority.BelowNormal };
        thread.Start();
        return thread;
    }

    /// <summary>Does the work on a thread of its own, and gives what it gives.</summary>
    public static Task<T> Run<T>(Func<T> work)
    {
        var result = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Start(() =>
        {
            try
            {
                result.SetResult(work());
            }
            catch (Exception e)
            {
                result.SetException(e);
            }
        });
        return result.Task;
    }

    /// <summary>A program that has just been started, and whatever it starts.</summary>
    public static void Put(Process program)
    {
        try
        {
            program.PriorityClass = ProcessPriorityClass.BelowNormal;
        }
        catch (InvalidOperationException)
        {
            // It has ended already.
        }
    }

    [DllImport("libc", EntryPoint = "setpriority")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetPriority(int which, int who, int priority);
}
