using Sidecar.Configuration;

namespace Sidecar.Hosting;

/// <summary>What is to be started, worked out and checked before anything is.</summary>
internal sealed record Plan(string ComponentsNote, IReadOnlyList<Replica> Replicas)
{
    /// <summary>Reads all files and checks all that can be checked; what is wrong is among the findings.</summary>
    public static Plan Make(RunOptions options, Ports ports, Findings findings)
    {
        var (folder, note) = Components(options);
        var resources = new ResourceFolders(findings);
        var missing = folder is not null && !Directory.Exists(folder);
        if (missing)
        {
            findings.Error(new Place(folder!, 0), "--components", "the folder does not exist", "Name a folder with component files.");
        }

        var file = RunFile.Read(options.RunFile, ownResources: folder is null, findings);
        var apps = file?.Apps ?? [];
        foreach (var unknown in options.Replicas.Keys.Where(k => file is not null && !apps.Any(a => a.Spec.AppId == k)))
        {
            findings.Error(new Place(options.RunFile, 0), "--replicas", $"there is no app '{unknown}'", $"The file has {string.Join(", ", apps.Select(a => a.Spec.AppId))}.");
        }

        CheckPorts(apps, ports, findings);
        CheckFaultsPort(options, apps, ports, findings);
        var planned = apps
            .Select(a => (a.Spec, Command: AppCommand.Find(a.Spec, a.Source, findings), Resources: resources.For(a.Spec.AppId, a.Spec.Directory, missing ? [] : folder is null ? a.Spec.ResourcePaths : [folder])))
            .ToList();
        if (findings.Errors.Count > 0)
        {
            return new Plan(note, []);
        }

        var replicas = new List<Replica>();
        foreach (var (spec, command, visible) in planned)
        {
            replicas.AddRange(Replica.Of(spec, visible, command, options.Replicas.GetValueOrDefault(spec.AppId, 1), 1 + replicas.Count(r => r.App.AppId == spec.AppId), ports));
        }

        return new Plan(note, replicas);
    }

    /// <summary>The folder that takes the place of the file's resource paths, if any, and what to tell people about it.</summary>
    private static (string? Folder, string Note) Components(RunOptions options)
    {
        if (options.Components is { } given)
        {
            return (given, $"Components: {given} (--components)");
        }

        var local = Path.Combine(Path.GetDirectoryName(options.RunFile)!, "components", "local");
        var name = Path.GetFileName(options.RunFile);
        return Directory.Exists(local)
            ? (local, $"Components: {local} (it is there, next to {name}, so the file's own resource paths are not used)")
            : (null, $"Components: the resource paths of {name}");
    }

    private static void CheckFaultsPort(RunOptions options, IReadOnlyList<RunFileApp> apps, Ports ports, Findings findings)
    {
        if (options.FaultsPort is not { } port)
        {
            return;
        }

        ports.Reserve(port);
        var user = apps.FirstOrDefault(a => new[] { a.Spec.AppPort, a.Spec.HttpPort, a.Spec.GrpcPort, a.Spec.MetricsPort }.Contains(port));
        if (user is not null)
        {
            findings.Error(new Place(options.RunFile, 0), "--faults", $"port {port} is also one of app {user.Spec.AppId}", "Name another port: --faults PORT.");
        }
        else if (Ports.IsTaken(port))
        {
            findings.Error(new Place(options.RunFile, 0), "--faults", $"port {port} is taken by another program", "Stop that program, or name another port: --faults PORT.");
        }
    }

    private static void CheckPorts(IReadOnlyList<RunFileApp> apps, Ports ports, Findings findings)
    {
        var named = apps
            .SelectMany(a => new[] { ("appPort", a.Spec.AppPort ?? 0), ("daprHTTPPort", a.Spec.HttpPort), ("daprGRPCPort", a.Spec.GrpcPort), ("metricsPort", a.Spec.MetricsPort) }
                .Where(p => p.Item2 > 0)
                .Select(p => (App: a, Key: p.Item1, Port: p.Item2)))
            .ToList();
        foreach (var (app, key, port) in named)
        {
            ports.Reserve(port);
            var first = named.First(n => n.Port == port);
            if (first.App != app || first.Key != key)
            {
                app.Source.Error(key, $"port {port} is used twice; it is also {first.Key} of {first.App.Spec.AppId}", "Give one of the two another port.");
                continue;
            }

            // Nothing listens on the metrics port here, and an app without a command is started by somebody else.
            var listens = key != "metricsPort" && (key != "appPort" || app.Spec.Command.Count > 0);
            if (listens && Ports.IsTaken(port))
            {
                app.Source.Error(key, $"port {port} ({key}) is taken by another program", "Stop that program, or change the port in the file.");
            }
        }
    }
}
