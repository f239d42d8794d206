using YamlDotNet.RepresentationModel;

namespace Deployment.Tests.Model;

/// <summary>What a check has found, with file and line.</summary>
internal sealed record Finding(int Check, string File, long Line, string Message)
{
    public override string ToString() => $"{File}:{Line}: [{Check}] {Message}";
}

/// <summary>Takes the findings of a check.</summary>
internal sealed class Report(Scene scene, int check)
{
    private readonly HashSet<Finding> _findings = [];

    public IReadOnlyCollection<Finding> Findings => _findings;

    public void Add(Document document, YamlNode? node, string message)
    {
        var (file, line) = scene.Locate(document, node);
        var of = scene.Files.ContainsKey(document.Source) ? "" : $" (in {document.Source})";
        _findings.Add(new Finding(check, file, line, $"{document}: {message}{of}"));
    }

    public void Add(string file, long line, string message) => _findings.Add(new Finding(check, file, line, message));

    /// <summary>At the first line that has a text.</summary>
    public void AddAt(string file, string text, string message)
    {
        var lines = scene.Files.GetValueOrDefault(file, "").Split('\n');
        Add(file, Array.FindIndex(lines, line => line.Contains(text, StringComparison.Ordinal)) + 1, message);
    }

    public void Unless(bool holds, Document document, YamlNode? node, string message)
    {
        if (!holds)
        {
            Add(document, node, message);
        }
    }
}

/// <summary>One rule. The number is that of the list that the project began with.</summary>
internal sealed record Check(int Number, string Rule, Action<Scene, Report> Run)
{
    public IReadOnlyCollection<Finding> Findings(Scene scene)
    {
        var report = new Report(scene, Number);
        Run(scene, report);
        return report.Findings;
    }
}
