using System.Collections.Immutable;
using Deployment.Tests.Checks;
using Deployment.Tests.Model;

namespace Deployment.Tests;

/// <summary>Each check finds what it is there for: every mistake of the table is made once, in memory, and is found with its file.</summary>
public sealed class MutationTests
{
    private static readonly ImmutableArray<Mutation> All = [.. Mistakes.OnTheDesk, .. Mistakes.InWorkloads, .. Mistakes.InTheCluster];

    public static TheoryData<string> WhatGoesWrong => [.. All.Select(mutation => mutation.What)];

    [Theory]
    [MemberData(nameof(WhatGoesWrong))]
    public void It_is_found(string what)
    {
        var mutation = All.Single(one => one.What == what);
        Assert.SkipWhen(Rendering.Missing is not null && Mistakes.InMemoryOnly(mutation), Rendering.Missing ?? "");

        var broken = mutation.Make(Rendering.Scene);

        var findings = AllChecks.List.Where(check => check.Number == mutation.Check).SelectMany(check => check.Findings(broken)).Select(finding => finding.ToString()).ToList();
        Assert.True(
            findings.Exists(finding => mutation.Found.Split(" … ").All(part => finding.Contains(part, StringComparison.Ordinal))),
            $"Not found: {mutation.Found}\nFound: {string.Join('\n', findings)}");
        Assert.All(findings, finding => Assert.Matches(@"^[^:]+:[1-9]\d*: \[", finding));
    }

    [Fact]
    public void Every_check_is_broken_at_least_once() =>
        Assert.Empty(AllChecks.List.Select(check => check.Number).Except(All.Select(mutation => mutation.Check)));
}
