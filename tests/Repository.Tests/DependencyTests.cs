using System.Xml.Linq;

namespace Repository.Tests;

/// <summary>Who may know whom: by the project files, and by what the built assemblies really use.</summary>
public class DependencyTests
{
    // The SDK of Dapr, and what comes with it.
    private static readonly string[] OfDapr = ["Dapr.", "Google.Protobuf", "Grpc."];
    private static readonly string[] OfTheFramework = ["System.", "Microsoft.AspNetCore.", "Microsoft.Extensions.", "netstandard"];

    [Theory]
    [InlineData("Accounts.Domain")]
    [InlineData("Accounts.Contracts")]
    public void The_domain_and_the_contracts_reference_nothing(string name)
    {
        var project = Project.All[name];

        Assert.Empty(project.Projects);
        Assert.Empty(project.Packages);
        Assert.All(project.UsedAssemblies(), used => Assert.StartsWith("System.", used, StringComparison.Ordinal));
    }

    [Fact]
    public void The_event_log_references_only_the_SDK_of_Dapr()
    {
        var project = Project.All["EventLog"];

        Assert.Empty(project.Projects);
        Assert.All(project.Packages, package => Assert.StartsWith("Dapr.", package, StringComparison.Ordinal));
        Assert.DoesNotContain(project.UsedAssemblies(), used => !StartsWithAny(used, [.. OfDapr, .. OfTheFramework]));
    }

    [Fact]
    public void Queries_see_neither_the_domain_nor_the_event_log()
    {
        var project = Project.All["Accounts.Query"];
        var built = Directory.EnumerateFiles(Path.GetDirectoryName(TestSupport.Repository.Assembly(project.Name))!, "*.dll").Select(Path.GetFileNameWithoutExtension).ToList();

        foreach (var unseen in new[] { "Accounts.Domain", "EventLog" })
        {
            Assert.DoesNotContain(unseen, project.Closure());
            Assert.DoesNotContain(unseen, project.UsedAssemblies());
            Assert.DoesNotContain(unseen, built);
        }
    }

    [Fact]
    public void The_sidecar_sees_nothing_of_ours_and_not_the_SDK_that_it_serves()
    {
        var project = Project.All["Sidecar"];

        Assert.Empty(project.Projects);
        Assert.Empty(project.UsedAssemblies().Intersect(Project.All.Keys));
        // Dapr.Protos are the messages of the wire; everything else of Dapr is the other side of it.
        Assert.Equal(["Dapr.Protos"], project.Packages.Where(package => package.StartsWith("Dapr.", StringComparison.Ordinal)));
    }

    [Fact]
    public void Services_and_libraries_talk_to_nothing_but_Dapr()
    {
        var packages = Project.All.Values
            .Where(project => project.File.StartsWith("services/", StringComparison.Ordinal) || project.File.StartsWith("libraries/", StringComparison.Ordinal))
            .SelectMany(project => project.Packages)
            .Distinct();

        Assert.DoesNotContain(packages, package => !StartsWithAny(package, ["Dapr.", "Grpc.Net.Client", "Microsoft.AspNetCore.OpenApi", "OpenTelemetry."]));
    }

    [Fact]
    public void Services_do_not_see_each_other()
    {
        foreach (var service in Project.All.Values.Where(project => project.File.StartsWith("services/", StringComparison.Ordinal)))
        {
            Assert.All(service.Closure(), seen => Assert.StartsWith("libraries/", Project.All[seen].File, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Test_support_knows_no_part_of_ours() => Assert.Empty(Project.All["TestSupport"].Closure());

    [Fact]
    public void Tests_of_the_whole_see_it_only_from_outside()
    {
        foreach (var name in new[] { "System.Tests", "Conformance.Tests" })
        {
            Assert.DoesNotContain(Project.All[name].Closure(), seen => !Project.All[seen].IsTest);
        }
    }

    [Fact]
    public void Every_project_is_part_of_the_solution()
    {
        var solution = Tracked.Text("Accounts.sln").Replace('\\', '/');

        Assert.DoesNotContain(Project.All.Values, project => !solution.Contains($"\"{project.File}\"", StringComparison.Ordinal));
    }

    [Fact]
    public void Versions_of_packages_are_in_one_file()
    {
        var versions = XDocument.Parse(Tracked.Text("Directory.Packages.props")).Descendants("PackageVersion").Select(v => (string)v.Attribute("Include")!).ToList();
        var elsewhere = Tracked.Ending(".csproj", ".props", ".targets")
            .SelectMany(file => XDocument.Parse(Tracked.Text(file)).Descendants("PackageReference").Select(reference => (file, reference)))
            .Where(found => found.reference.Attributes().Any(a => a.Name.LocalName is "Version" or "VersionOverride") || found.reference.HasElements)
            .Select(found => found.file);

        Assert.Empty(elsewhere);
        Assert.Equal(versions.Distinct().Order(StringComparer.OrdinalIgnoreCase), versions);
        Assert.DoesNotContain(versions, version => version.Contains('*', StringComparison.Ordinal));
    }

    private static bool StartsWithAny(string name, string[] beginnings) =>
        beginnings.Any(beginning => name.StartsWith(beginning, StringComparison.Ordinal));
}
