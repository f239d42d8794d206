namespace Sidecar.Configuration;

/// <summary>A place in a configuration file; line 0 means the file as a whole.</summary>
internal readonly record struct Place(string File, int Line)
{
    /// <summary>The file relative to the current folder where that is shorter, and the line, as editors understand it.</summary>
    public override string ToString()
    {
        var relative = Path.GetRelativePath(Environment.CurrentDirectory, File);
        var shown = relative.StartsWith("..", StringComparison.Ordinal) ? File : relative;
        return Line > 0 ? $"{shown}:{Line}" : shown;
    }
}

/// <summary>
/// Everything that is wrong with a configuration, gathered so that it can be shown at once. The same finding reported
/// twice (a folder that several apps read) counts once.
/// </summary>
internal sealed class Findings
{
    private readonly List<string> _errors = [];
    private readonly List<string> _warnings = [];

    /// <summary>Each is one line: place, name, what is wrong, remedy.</summary>
    public IReadOnlyList<string> Errors => _errors;

    /// <summary>Each is one line.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    public void Error(Place place, string name, string what, string remedy) =>
        Add(_errors, $"{place}: {name}: {what}. {remedy}");

    public void Warn(Place place, string name, string what) => Add(_warnings, $"{place}: {name}: {what}.");

    private static void Add(List<string> list, string line)
    {
        if (!list.Contains(line))
        {
            list.Add(line);
        }
    }
}
