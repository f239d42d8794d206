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
            findings.Exists(finding => Finds(mutation, finding)),
            $"Not found: {mutation.Found}\nFound: {string.Join('\n', findings)}");
        Assert.All(findings, finding => Assert.Matches(@"^[^:]+:[1-9]\d*: \[", finding));
    }

    [Fact]
    public void Every_rule_is_broken_at_least_once()
    {
        Assert.SkipWhen(Rendering.Missing is not null, Rendering.Missing ?? "");

        var broken = All.AsParallel().SelectMany(mutation =>
        {
            var scene = mutation.Make(Rendering.Scene);
            return AllChecks.List.Where(check => check.Number == mutation.Check && check.Findings(scene).Any(finding => Finds(mutation, finding.ToString()))).Select(check => check.Rule);
        }).ToHashSet();

        Assert.Empty(AllChecks.List.Select(check => check.Rule).Except(broken));
    }

    private static bool Finds(Mutation mutation, string finding) => mutation.Found.Split(" … ").All(part => finding.Contains(part, StringComparison.Ordinal));
}
