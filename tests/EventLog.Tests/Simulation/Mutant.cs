using System.Reflection;
using System.Runtime.Loader;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace EventLog.Tests.Simulation;

/// <summary>
/// The log with one rule broken: a place in its sources is replaced, and they are compiled together with the simulation.
/// </summary>
/// <param name="Rule">The rule.</param>
/// <param name="Broken">What the mutant does instead, in a few words.</param>
/// <param name="File">Where.</param>
/// <param name="Find">What stands there, once.</param>
/// <param name="Replace">What takes its place.</param>
public sealed record Mutant(string Rule, string Broken, string File, string Find, string Replace)
{
    private static readonly string Root = FindRoot();
    private static readonly CSharpParseOptions Language = new(LanguageVersion.Latest);
    private static readonly MetadataReference[] References =
        [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!)
            .Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path) is not ("EventLog.dll" or "EventLog.Tests.dll"))
            .Select(path => MetadataReference.CreateFromFile(path))];

    private static readonly Lazy<CSharpCompilation> Whole = new(CompileWhole);

    public override string ToString() => Rule;

    /// <summary>The first of the seeds whose schedule shows that the rule is broken, with what it says; null when none does.</summary>
    public (int Seed, string Finding)? FindSeed(IEnumerable<int> seeds)
    {
        var run = Compile().GetType("EventLog.Tests.Simulation.Schedule")!.GetMethod("Run", BindingFlags.Public | BindingFlags.Static)!;
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

    private Assembly Compile()
    {
        // Only what is broken differs, so that the rest is parsed and bound to the references once for all mutants.
        var whole = Whole.Value.SyntaxTrees.Where(tree => Path.GetFileName(tree.FilePath) == File).ToList();
        var compilation = whole.Aggregate(Whole.Value, (mutated, tree) => mutated.ReplaceSyntaxTree(tree, Mutated(tree)))
            .WithAssemblyName("Mutant" + Guid.NewGuid().ToString("N"));
        using var image = new MemoryStream();
        var result = compilation.Emit(image);
        Assert.True(result.Success, string.Join('\n', result.Diagnostics.Where(d => d.Severity is DiagnosticSeverity.Error).Take(5)));
        return AssemblyLoadContext.Default.LoadFromStream(new MemoryStream(image.ToArray()));
    }

    private static CSharpCompilation CompileWhole()
    {
        var trees = Sources().Select(path => CSharpSyntaxTree.ParseText(System.IO.File.ReadAllText(path), Language, path)).ToList();
        trees.Add(CSharpSyntaxTree.ParseText(
            "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; "
            + "global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;",
            Language));
        return CSharpCompilation.Create(
            "Whole",
            trees,
            References,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, optimizationLevel: OptimizationLevel.Release, nullableContextOptions: NullableContextOptions.Enable));
    }

    private SyntaxTree Mutated(SyntaxTree tree)
    {
        // The sources have moved on: the mutant must follow them, else it would test nothing.
        var text = tree.ToString();
        Assert.True(text.Split(Find).Length == 2, $"'{Find}' does not stand exactly once in {File}.");
        return CSharpSyntaxTree.ParseText(text.Replace(Find, Replace), Language, tree.FilePath);
    }

    private static IEnumerable<string> Sources() =>
        Directory.EnumerateFiles(Path.Combine(Root, "libraries", "EventLog"), "*.cs", SearchOption.AllDirectories)
            .Concat(Generated("EventLog"))
            .Concat(Generated("EventLog.Tests").Where(path => Path.GetFileName(path).Split('.')[0] is nameof(StrictTallyJson) or nameof(TallyEventJson)))
            .Concat(Directory.EnumerateFiles(Path.Combine(Root, "tests", "EventLog.Tests", "Simulation"), "*.cs")
                .Where(path => Path.GetFileName(path) is not ("Mutant.cs" or "Mutants.cs" or "MutantTests.cs" or "SimulationTests.cs")));

    private static IEnumerable<string> Generated(string project) =>
        Directory.EnumerateFiles(Path.Combine(Root, "artifacts", "obj", project, "debug", "generated"), "*.g.cs", SearchOption.AllDirectories)
            .Where(path => path.Contains("System.Text.Json", StringComparison.Ordinal));

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!System.IO.File.Exists(Path.Combine(folder.FullName, "Accounts.sln")))
        {
            folder = folder.Parent!;
        }

        return folder.FullName;
    }
}
