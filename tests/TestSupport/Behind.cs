using System.Diagnostics;

namespace TestSupport;

/// <summary>A fixture of a whole test program that calculates, and takes what processor time the others leave.</summary>
public sealed class Behind
{
    public Behind()
    {
        using var self = Process.GetCurrentProcess();
        self.PriorityClass = ProcessPriorityClass.BelowNormal;
    }
}
