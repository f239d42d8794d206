using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Xml.Linq;

namespace Repository.Tests;

/// <summary>A project of ours, as its file describes it.</summary>
internal sealed record Project(string Name, string File, IReadOnlyList<string> Projects, IReadOnlyList<string> Packages)
{
    public static IReadOnlyDictionary<string, Project> All { get; } =
        Tracked.Ending(".csproj").Select(Read).ToDictionary(project => project.Name);

    public bool IsTest => File.StartsWith("tests/", StringComparison.Ordinal);

    /// <summary>Names of the assemblies that the built one uses.</summary>
    public IReadOnlyList<string> UsedAssemblies()
    {
        using var image = new PEReader(System.IO.File.OpenRead(TestSupport.Repository.Assembly(Name)));
        var metadata = image.GetMetadataReader();
        return [.. metadata.AssemblyReferences.Select(handle => metadata.GetString(metadata.GetAssemblyReference(handle).Name))];
    }

    /// <summary>All projects of ours that come with this one.</summary>
    public IReadOnlySet<string> Closure()
    {
        var found = new HashSet<string>();
        Add(this);
        found.Remove(Name);
        return found;

        void Add(Project project)
        {
            if (found.Add(project.Name))
            {
                project.Projects.Select(name => All[name]).ToList().ForEach(Add);
            }
        }
    }

    private static Project Read(string file)
    {
        var xml = XDocument.Parse(Tracked.Text(file));
        var references = xml.Descendants("ProjectReference").Where(r => (string?)r.Attribute("ReferenceOutputAssembly") != "false");
        return new Project(
            Path.GetFileNameWithoutExtension(file),
            file,
            [.. references.Select(r => Path.GetFileNameWithoutExtension((string)r.Attribute("Include")!))],
            [.. xml.Descendants("PackageReference").Select(r => (string)(r.Attribute("Include") ?? r.Attribute("Update"))!)]);
    }
}
