namespace Sidecar.Configuration;

/// <summary>A multi-app run file (<c>dapr run -f</c>).</summary>
internal sealed record RunFile(string Path, string? Name, IReadOnlyList<RunFileApp> Apps)
{
    /// <summary>The folder of the file, to which its paths are relative.</summary>
    public string Directory => System.IO.Path.GetDirectoryName(Path)!;

    /// <summary>
    /// Reads the file. Apps that can be understood are returned even when others have errors, so that later checks
    /// find their errors too. Null when there is no file or it is no YAML. <paramref name="ownResources"/> is false when
    /// another folder takes the place of the file's resource paths.
    /// </summary>
    public static RunFile? Read(string path, bool ownResources, Findings findings)
    {
        if (!File.Exists(path))
        {
            findings.Error(new Place(path, 0), System.IO.Path.GetFileName(path), "the run file does not exist", "Name another one with --file FILE.");
            return null;
        }

        var errorsBefore = findings.Errors.Count;
        var documents = YamlText.Read(path, findings);
        if (documents is not [var root, ..])
        {
            if (findings.Errors.Count == errorsBefore)
            {
                findings.Error(new Place(path, 0), System.IO.Path.GetFileName(path), "the run file is empty", "It needs 'version: 1' and 'apps'.");
            }

            return null;
        }

        root.Name = System.IO.Path.GetFileName(path);
        if (root.Number("version") == 0 || !root.Has("version"))
        {
            root.Error("version", "'version' is missing", "Write 'version: 1'.");
        }

        var directory = System.IO.Path.GetDirectoryName(path)!;
        var common = root.Child("common");
        common?.Name = "common";
        var apps = new List<RunFileApp>();
        foreach (var section in root.Children("apps"))
        {
            section.Name = $"app {apps.Count + 1}";
            apps.Add(new RunFileApp(AppSection.Read(section, common, directory, ownResources), section));
        }

        if (apps.Count == 0 && findings.Errors.Count == errorsBefore)
        {
            root.Error("apps", "'apps' is missing or empty", "List at least one app with its appDirPath.");
        }

        var name = root.Text("name");
        root.WarnOfUnread();
        common?.WarnOfUnread();
        return new RunFile(path, name, apps);
    }
}

/// <summary>An app, and where it stands in the file.</summary>
internal sealed record RunFileApp(AppSpec Spec, Section Source);
