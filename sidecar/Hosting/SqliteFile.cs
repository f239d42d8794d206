using Sidecar.Configuration;

namespace Sidecar.Hosting;

/// <summary>Which file of the data folder a component keeps its state in.</summary>
internal static class SqliteFile
{
    /// <summary>Where actor reminders are kept.</summary>
    public const string Reminders = "reminders.db";

    /// <summary>
    /// The path relative to the data folder; null for components without a file there: other types, databases in memory,
    /// and absolute paths, which the host never deletes.
    /// </summary>
    public static string? Of(Component component)
    {
        if (component.Type != "state.sqlite" || component.Metadata.GetValueOrDefault("connectionString") is not { } text)
        {
            return null;
        }

        var path = text.StartsWith("file:", StringComparison.OrdinalIgnoreCase) ? text["file:".Length..] : text;
        var query = path.IndexOf('?', StringComparison.Ordinal);
        var inMemory = path.Contains(":memory:", StringComparison.Ordinal) || (query >= 0 && path[query..].Contains("mode=memory", StringComparison.Ordinal));
        path = query >= 0 ? path[..query] : path;
        return inMemory || path.Length == 0 || Path.IsPathRooted(path) || path.Split('/', '\\').Contains("..") ? null : path;
    }
}
