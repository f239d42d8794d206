using System.Reflection;
using System.Runtime.Loader;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace EventLog.Tests.Simulation;

/// <summary>
/// The log with one rule broken: a place in its sources is replaced, they are compiled, and the simulation runs on that.
/// </summary>
/// <param name="Rule">The rule.</param>
/// <param name="Broken">What the mutant does instead, in a few words.</param>
/// <param name="File">Where.</param>
/// <param name="Find">What stands there, once.</param>
/// <param name="Replace">What takes its place.</param>
public sealed record Mutant(string Rule, string Broken, string File, string Find, string Replace)
{
    private const string LibraryName = "EventLog";
    private const string TestsName = "EventLog.Tests";

    private static readonly CSharpParseOptions Language = new(LanguageVersion.Latest);

    private static readonly Lazy<CSharpCompilation> Library = new(() => Compilation(LibraryName, "libraries/EventLog", [LibraryName, TestsName]));

    // The simulated store has rules to keep too.
    private static readonly Lazy<CSharpCompilation> Simulation = new(() => Compilation(TestsName, "tests/EventLog.Tests", [TestsName]));

    public override string ToString() => Rule;

    /// <summary>The first of the seeds whose schedule shows that the rule is broken, with what it says; null when none does.</summary>
    public (int Seed, string Finding)? FindSeed(IEnumerable<int> seeds)
    {
        var run = Load().GetType(typeof(Schedule).FullName!)!.GetMethod(nameof(Schedule.Run))!;
        foreach (var seed in seeds)
        {
            try
            {
                run.Invoke(null, [seed, null]);
            }
            catch (TargetInvocationException e)
            {
                return (seed, e.InnerException!.Message);
            }
        }

        return null;
    }

    /// <summary>The simulation, with the broken assembly in the place of the real one.</summary>
    private Assembly Load()
    {
        // Only what is broken differs, so that the rest is parsed and bound to the references once for all mutants.
        var whole = new[] { Library, Simulation }.Select(project => project.Value).First(project => Trees(project).Count > 0);
        var compilation = Trees(whole).Aggregate(whole, (mutated, tree) => mutated.ReplaceSyntaxTree(tree, Mutated(tree)));
        using var image = new MemoryStream();
        var result = compilation.Emit(image);
        Assert.True(result.Success, string.Join('\n', result.Diagnostics.Where(d => d.Severity is DiagnosticSeverity.Error).Take(5)));
        return new Beside(whole.AssemblyName!, image.ToArray()).LoadFromAssemblyName(new AssemblyName(TestsName));
    }

    private List<SyntaxTree> Trees(CSharpCompilation project) => [.. project.SyntaxTrees.Where(tree => Path.GetFileName(tree.FilePath) == File)];

    private SyntaxTree Mutated(SyntaxTree tree)
    {
        // The sources have moved on: the mutant must follow them, else it would test nothing.
        var text = tree.ToString();
        Assert.True(text.Split(Find).Length == 2, $"'{Find}' does not stand exactly once in {File}.");
        return CSharpSyntaxTree.ParseText(text.Replace(Find, Replace), Language, tree.FilePath);
    }

    private static CSharpCompilation Compilation(string project, string folder, string[] without)
    {
        var built = Path.Combine(TestSupport.Repository.Root, "artifacts", "obj", project, "debug");
        var sources = Directory.EnumerateFiles(Path.Combine(TestSupport.Repository.Root, folder), "*.cs", SearchOption.AllDirectories)
            .Concat(Directory.EnumerateFiles(Path.Combine(built, "generated", "System.Text.Json.SourceGeneration"), "*.cs", SearchOption.AllDirectories))
            .Concat([Path.Combine(built, $"{project}.GlobalUsings.g.cs"), Path.Combine(built, $"{project}.AssemblyInfo.cs")]);
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => !without.Contains(Path.GetFileNameWithoutExtension(path)));
        return CSharpCompilation.Create(
            project,
            sources.Select(path => CSharpSyntaxTree.ParseText(System.IO.File.ReadAllText(path), Language, path)),
            references.Select(path => MetadataReference.CreateFromFile(path)),
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, concurrentBuild: false, optimizationLevel: OptimizationLevel.Release, nullableContextOptions: NullableContextOptions.Enable));
    }

    /// <summary>The library and the simulation once more, one of them broken; everything else is what is loaded already.</summary>
    private sealed class Beside(string broken, byte[] image) : AssemblyLoadContext(nameof(Beside))
    {
        protected override Assembly? Load(AssemblyName assemblyName) => assemblyName.Name == broken ? LoadFromStream(new MemoryStream(image))
            : assemblyName.Name is LibraryName or TestsName ? LoadFromAssemblyPath(Path.Combine(AppContext.BaseDirectory, $"{assemblyName.Name}.dll"))
            : null;
    }
}
