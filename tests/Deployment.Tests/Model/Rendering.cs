using System.Collections.Immutable;
using System.ComponentModel;
using System.Diagnostics;
using TestSupport;

namespace Deployment.Tests.Model;

/// <summary>The repository as it is, read and rendered once.</summary>
internal static class Rendering
{
    private static readonly string[] Read = ["k8s/", "components/", "configuration/", "docs/", "services/", "libraries/", "tools/", "tests/", "dapr.yaml", "README.md", "requests/", "Directory.Build.props"];
    private static readonly string[] Endings = [".yaml", ".md", ".json", ".sh", ".proj", ".csproj", ".cs", ".http", ".props"];
    private static readonly Lazy<Scene> Whole = new(Load);

    /// <summary>What there is, and more that can be made of it: a component that is switched off, other functions.</summary>
    public static readonly ImmutableArray<string> Overlays = ["dev", "staging", "production", "dev-postgres", "three-functions"];

    public static Scene Scene => Whole.Value;

    /// <summary>Why nothing can be rendered; null when it can.</summary>
    public static string? Missing { get; } = Run("version", "--client").Output is null ? "kubectl is not on the PATH" : null;

    /// <summary>Renders an overlay once more.</summary>
    public static string Render(string overlay)
    {
        using var folder = new TemporaryFolder();
        Variations(folder.Location);
        return Kustomize(folder.At("k8s", "overlays", overlay));
    }

    private static Scene Load()
    {
        var root = Repository.Root;
        var files = Tracked(root).ToImmutableSortedDictionary(file => file, file => File.ReadAllText(Path.Combine(root, file)), StringComparer.Ordinal);
        if (Missing is not null)
        {
            return new Scene(files, []);
        }

        using var folder = new TemporaryFolder();
        Variations(folder.Location);
        var overlays = Overlays.AsParallel().AsOrdered()
            .Select(name => new Overlay(name, [.. Nodes.Parse(Kustomize(folder.At("k8s", "overlays", name))).Select(document => new Document(name, document))]));
        return new Scene(files, [.. overlays]);
    }

    /// <summary>A copy of <c>k8s/</c> with two more overlays, made as the comments in the files say.</summary>
    private static void Variations(string folder)
    {
        foreach (var file in Tracked(Repository.Root).Where(file => file.StartsWith("k8s/", StringComparison.Ordinal)))
        {
            Copy(Path.Combine(Repository.Root, file), Path.Combine(folder, file));
        }

        var overlays = Path.Combine(folder, "k8s", "overlays");
        Change(overlays, "dev", "dev-postgres", "  # - ../../components/postgres-dev", "  - ../../components/postgres-dev");
        Change(overlays, "production", "three-functions", "  - functions/account-events", "  - functions/account-events\n  - functions/history\n  - functions/user-deletion");
        var functions = Path.Combine(overlays, "three-functions", "functions");
        Change(functions, "account-events", "history", "Functions=account-events", "Functions=history");
        Change(functions, "account-events", "user-deletion", "Functions=account-events", "Functions=user-deletion");
        File.AppendAllText(Path.Combine(functions, "user-deletion", "kustomization.yaml"), "  - ../../../../components/user-events\n");
    }

    private static void Change(string folder, string from, string to, string what, string into)
    {
        foreach (var file in Directory.EnumerateFiles(Path.Combine(folder, from), "*", SearchOption.AllDirectories).ToList())
        {
            Copy(file, Path.Combine(folder, to, Path.GetRelativePath(Path.Combine(folder, from), file)));
        }

        var changed = Path.Combine(folder, to, "kustomization.yaml");
        var text = File.ReadAllText(changed);
        Assert.Contains(what, text, StringComparison.Ordinal);
        File.WriteAllText(changed, text.Replace(what, into, StringComparison.Ordinal));
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(to)!);
        File.Copy(from, to);
    }

    private static IEnumerable<string> Tracked(string root)
    {
        using var git = Process.Start(new ProcessStartInfo("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        {
            WorkingDirectory = root,
            RedirectStandardOutput = true,
        })!;
        return [.. git.StandardOutput.ReadToEnd().Split('\0', StringSplitOptions.RemoveEmptyEntries)
            .Where(file => Read.Any(start => file.StartsWith(start, StringComparison.Ordinal)) && Endings.Contains(Path.GetExtension(file)) && File.Exists(Path.Combine(root, file)))];
    }

    internal static string Kustomize(string folder)
    {
        var (output, error) = Run("kustomize", folder);
        return output ?? throw new InvalidOperationException(error);
    }

    private static (string? Output, string Error) Run(params string[] arguments)
    {
        try
        {
            using var kubectl = Process.Start(new ProcessStartInfo("kubectl", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var error = kubectl.StandardError.ReadToEndAsync();
            var output = kubectl.StandardOutput.ReadToEnd();
            kubectl.WaitForExit();
            return (kubectl.ExitCode == 0 ? output : null, error.GetAwaiter().GetResult());
        }
        catch (Win32Exception missing)
        {
            return (null, missing.Message);
        }
    }
}
