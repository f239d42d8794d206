namespace TestSupport;

/// <summary>Where things are in the repository that the tests were built from.</summary>
public static class Repository
{
    /// <summary>The folder that holds <c>Accounts.sln</c>.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The built assembly of a project, for instance of <c>Sidecar</c>.</summary>
    /// <exception cref="FileNotFoundException">The project has not been built.</exception>
    public static string Assembly(string project)
    {
        var path = Path.Combine(Root, "artifacts", "bin", project, "debug", project + ".dll");
        return File.Exists(path) ? path : throw new FileNotFoundException($"Build the solution first: {path} is not there.");
    }

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Accounts.sln")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException($"No folder above {AppContext.BaseDirectory} holds Accounts.sln.");
    }
}
