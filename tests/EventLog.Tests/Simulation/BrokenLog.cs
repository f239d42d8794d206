using System.Globalization;
using System.Reflection;
using System.Runtime.Loader;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace EventLog.Tests.Simulation;

/// <summary>
/// The log and its simulation once more, with every mutant in it: a member of which there are mutants has a body for each, and does what
/// the one does that the thread has chosen. All are compiled and loaded once; each by itself would take longer than what it is to show.
/// </summary>
internal static class BrokenLog
{
    private const string LibraryName = "EventLog";
    private const string TestsName = "EventLog.Tests";
    private const string SwitchName = "BrokenRule";

    // A schedule runs on one thread.
    private const string Switch = $"internal static class {SwitchName} {{ [System.ThreadStatic] internal static int Chosen; }}";

    private static readonly CSharpParseOptions Language = new(LanguageVersion.Latest);
    private static readonly Lazy<Assembly> Simulation = new(Load);

    /// <summary>The first of the seeds whose schedule shows that the rule is broken, or with null, that any is; null when none does.</summary>
    public static (int Seed, string Finding)? FindSeed(Mutant? broken, IEnumerable<int> seeds)
    {
        var run = Simulation.Value.GetType(typeof(Schedule).FullName!)!.GetMethod(nameof(Schedule.Run))!;
        Choose(broken is null ? 0 : Number(broken));
        try
        {
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
        finally
        {
            Choose(0);
        }
    }

    // 0 is none.
    private static int Number(Mutant mutant) => Mutants.All.ToList().IndexOf(mutant) + 1;

    private static void Choose(int number)
    {
        // The simulated store has rules to keep too, so that each of the two has a switch.
        foreach (var assembly in AssemblyLoadContext.GetLoadContext(Simulation.Value)!.Assemblies)
        {
            assembly.GetType(SwitchName)?.GetField("Chosen", BindingFlags.Static | BindingFlags.NonPublic)!.SetValue(null, number);
        }
    }

    private static Assembly Load()
    {
        var left = Mutants.All.ToHashSet();
        var beside = new Beside(
            Compiled(LibraryName, "libraries/EventLog", [LibraryName, TestsName], left), Compiled(TestsName, "tests/EventLog.Tests", [TestsName], left));
        Assert.True(left.Count == 0, $"There is no {string.Join(", ", left.Select(mutant => mutant.File).Distinct())}.");

        // Now, so that its switch is there to be set.
        _ = beside.LoadFromAssemblyName(new AssemblyName(LibraryName));
        return beside.LoadFromAssemblyName(new AssemblyName(TestsName));
    }

    private static byte[] Compiled(string project, string folder, string[] without, HashSet<Mutant> left)
    {
        var built = Path.Combine(TestSupport.Repository.Root, "artifacts", "obj", project, "debug");
        var trees = Directory.EnumerateFiles(Path.Combine(TestSupport.Repository.Root, folder), "*.cs", SearchOption.AllDirectories)
            .Concat(Directory.EnumerateFiles(Path.Combine(built, "generated", "System.Text.Json.SourceGeneration"), "*.cs", SearchOption.AllDirectories))
            .Concat([Path.Combine(built, $"{project}.GlobalUsings.g.cs"), Path.Combine(built, $"{project}.AssemblyInfo.cs")])
            .Select(path => Parse(File.ReadAllText(path), path))
            .Select(tree =>
            {
                var mutants = left.Where(mutant => mutant.File == Path.GetFileName(tree.FilePath)).ToList();
                left.ExceptWith(mutants);
                return mutants.Count == 0 ? tree : WithMutants(tree, mutants);
            })
            .Append(Parse(Switch, ""))
            .ToList();
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => !without.Contains(Path.GetFileNameWithoutExtension(path)));
        using var image = new MemoryStream();
        var result = CSharpCompilation.Create(
            project,
            trees,
            references.Select(path => MetadataReference.CreateFromFile(path)),
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, concurrentBuild: false, optimizationLevel: OptimizationLevel.Release, nullableContextOptions: NullableContextOptions.Enable)).Emit(image);
        Assert.True(result.Success, string.Join('\n', result.Diagnostics.Where(d => d.Severity is DiagnosticSeverity.Error).Take(5)));
        return image.ToArray();
    }

    private static SyntaxTree Parse(string text, string path) => CSharpSyntaxTree.ParseText(text, Language, path);

    private static SyntaxTree WithMutants(SyntaxTree tree, IEnumerable<Mutant> mutants)
    {
        var text = tree.ToString();
        var methods = Methods(tree);
        var broken = mutants.GroupBy(Place).ToDictionary(place => place.Key, place => place.Select(mutant => (Number(mutant), Broken(mutant, methods.IndexOf(place.Key)))));
        return tree.WithRootAndOptions(tree.GetRoot().ReplaceNodes(broken.Keys, (method, _) => OneOf(method, broken[method])), Language);

        BaseMethodDeclarationSyntax Place(Mutant mutant)
        {
            // The sources have moved on: the mutant must follow them, else it would test nothing.
            Assert.True(text.Split(mutant.Find).Length == 2, $"'{mutant.Find}' does not stand exactly once in {mutant.File}.");
            return methods.Single(method => method.Span.Contains(text.IndexOf(mutant.Find, StringComparison.Ordinal)));
        }

        BaseMethodDeclarationSyntax Broken(Mutant mutant, int place) => Methods(Parse(text.Replace(mutant.Find, mutant.Replace), tree.FilePath))[place];
    }

    private static List<BaseMethodDeclarationSyntax> Methods(SyntaxTree tree) => [.. tree.GetRoot().DescendantNodes().OfType<BaseMethodDeclarationSyntax>()];

    private static BaseMethodDeclarationSyntax OneOf(BaseMethodDeclarationSyntax whole, IEnumerable<(int Number, BaseMethodDeclarationSyntax Method)> broken) => whole
        .WithBody(broken.Aggregate(Body(whole), (rest, one) => SyntaxFactory.Block(
            SyntaxFactory.IfStatement(IsChosen(one.Number), Body(one.Method), SyntaxFactory.ElseClause(rest)))))
        .WithExpressionBody(null)
        .WithSemicolonToken(default)
        .NormalizeWhitespace();

    private static BlockSyntax Body(BaseMethodDeclarationSyntax method) => method.Body ?? SyntaxFactory.Block(
        method is MethodDeclarationSyntax { ReturnType: PredefinedTypeSyntax { Keyword.RawKind: (int)SyntaxKind.VoidKeyword } }
            ? SyntaxFactory.ExpressionStatement(method.ExpressionBody!.Expression)
            : SyntaxFactory.ReturnStatement(method.ExpressionBody!.Expression));

    private static ExpressionSyntax IsChosen(int number) =>
        SyntaxFactory.ParseExpression(string.Create(CultureInfo.InvariantCulture, $"global::{SwitchName}.Chosen == {number}"));

    /// <summary>The two of them, side by side with the real ones; everything else is what is loaded already.</summary>
    private sealed class Beside(byte[] library, byte[] tests) : AssemblyLoadContext(nameof(Beside))
    {
        protected override Assembly? Load(AssemblyName assemblyName) => assemblyName.Name switch
        {
            LibraryName => LoadFromStream(new MemoryStream(library)),
            TestsName => LoadFromStream(new MemoryStream(tests)),
            _ => null,
        };
    }
}
