using Sidecar.Configuration;
using Sidecar.State;

namespace Sidecar.Hosting;

/// <summary>Which file of the data folder a component keeps its state in.</summary>
internal static class SqliteFile
{
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

        return StateComponent.SqlitePath(text) is { } path && !Path.IsPathRooted(path) && !path.Split('/', '\\').Contains("..") ? path : null;
    }
}
