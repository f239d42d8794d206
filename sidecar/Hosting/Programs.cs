namespace Sidecar.Hosting;

/// <summary>Finds the file behind the first word of a command, as a shell does.</summary>
internal static class Programs
{
    /// <summary>
    /// The absolute path of a program: relative to the working directory when the command holds a slash, else searched
    /// for in <c>PATH</c>. Null when there is none that may be executed.
    /// </summary>
    public static string? Find(string command, string workingDirectory, string? path)
    {
        if (command.Contains('/') || (OperatingSystem.IsWindows() && command.Contains('\\')))
        {
            return Candidates(Path.GetFullPath(command, workingDirectory)).FirstOrDefault(IsProgram);
        }

        return (path ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .SelectMany(folder => Candidates(Path.GetFullPath(Path.Combine(folder, command), workingDirectory)))
            .FirstOrDefault(IsProgram);
    }

    private static IEnumerable<string> Candidates(string path)
    {
        if (!OperatingSystem.IsWindows() || Path.HasExtension(path))
        {
            return [path];
        }

        return (Environment.GetEnvironmentVariable("PATHEXT") ?? ".EXE").Split(';').Select(extension => path + extension);
    }

    private static bool IsProgram(string path) =>
        File.Exists(path) &&
        (OperatingSystem.IsWindows() ||
         (File.GetUnixFileMode(path) & (UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)) != 0);
}
