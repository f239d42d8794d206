namespace Sidecar.Server;

/// <summary>Paths as Go's <c>path.Clean</c> leaves them.</summary>
internal static class UrlPath
{
    /// <summary>The path without empty segments and dots, and without slashes at its ends; nothing leads above its beginning.</summary>
    public static string Clean(string path)
    {
        var kept = new List<string>();
        foreach (var segment in path.Split('/', StringSplitOptions.RemoveEmptyEntries).Where(s => s != "."))
        {
            if (segment != "..")
            {
                kept.Add(segment);
            }
            else if (kept.Count > 0)
            {
                kept.RemoveAt(kept.Count - 1);
            }
        }

        return string.Join('/', kept);
    }
}
