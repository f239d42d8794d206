using Xunit.Sdk;
using Xunit.v3;

namespace SystemTests;

/// <summary>For tests that share a system of which the later ones leave less and less.</summary>
public sealed class InTheOrderWritten : ITestCaseOrderer
{
    public IReadOnlyCollection<TTestCase> OrderTestCases<TTestCase>(IReadOnlyCollection<TTestCase> testCases)
        where TTestCase : notnull, ITestCase => [.. testCases.OrderBy(test => test.SourceLineNumber)];
}
