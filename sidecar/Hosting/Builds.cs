using System.Diagnostics;

namespace Sidecar.Hosting;

/// <summary>Builds the projects behind <c>dotnet run</c> commands.</summary>
internal static class Builds
{
    // Set by the SDK for itself when it runs this host (dotnet run); another SDK version must not see them.
    private static readonly string[] OfTheOuterSdk =
        ["MSBuildSDKsPath", "MSBuildExtensionsPath", "MSBuildLoadMicrosoftTargetsReadOnly", "MSBUILD_EXE_PATH", "DOTNET_CLI_TELEMETRY_SESSIONID"];

    /// <summary>
    /// Builds the projects of the commands, those together that are built alike, and gives for each command the path of its assembly, and the
    /// folder that it is to run in where the project says so (web projects do). Null when that fails for any; the build's messages are then
    /// written to standard error.
    /// </summary>
    public static async Task<IReadOnlyDictionary<DotnetRun, BuiltProgram>?> RunAsync(IReadOnlyList<AppCommand> commands, HostConsole console, CancellationToken cancellation)
    {
        var built = new Dictionary<DotnetRun, BuiltProgram>();
        var alike = commands.Where(c => c.Run is not null).GroupBy(c => (c.Program, c.Run!.Build, string.Join(' ', c.Run.BuildArguments), SdkSettings(c.Run.Project)));
        foreach (var group in alike)
        {
            var runs = group.Select(command => command.Run!).ToList();
            if (await TogetherAsync(group.Key.Program, runs, console, cancellation) is not { } programs)
            {
                return null;
            }

            var problems = runs.DistinctBy(run => run.Project)
                .Select(run => (run.Project, What: Problem(run, programs.GetValueOrDefault(run.Project)))).Where(problem => problem.What is not null).ToList();
            problems.ForEach(problem => console.ErrorLine($"error: {problem.Project}: {problem.What}; nothing was started."));
            if (problems.Count > 0)
            {
                return null;
            }

            runs.ForEach(run => built[run] = programs[run.Project].Program);
        }

        return built;
    }

    private static string? Problem(DotnetRun run, (BuiltProgram Program, string Kind) found) => found switch
    {
        (null, _) => "it is made for several frameworks. Name one: [\"dotnet\", \"run\", \"--framework\", \"net10.0\"]",
        (_, not ("Exe" or "WinExe")) => $"the project is a {found.Kind} and cannot be started. Name a program's project in 'command'",
        _ when !File.Exists(found.Program.Assembly) => $"'{found.Program.Assembly}' does not exist. {(run.Build ? "Correct the project" : "Build the project, or leave --no-build out")}",
        _ => null,
    };

    /// <summary>What is to be started of each project, and what kind of program it says to be.</summary>
    private static async Task<Dictionary<string, (BuiltProgram Program, string Kind)>?> TogetherAsync(string dotnet, List<DotnetRun> runs, HostConsole console, CancellationToken cancellation)
    {
        var projects = runs.Select(run => run.Project).Distinct().ToList();
        string[] flags = ["--no-restore", "-t:WhatToStart"];
        if (runs[0].Build)
        {
            console.Line($"Building {string.Join(", ", projects.Select(Path.GetFileNameWithoutExtension))} …");
            flags = ["-t:Build", "-nodeReuse:false"];
        }

        var whatToStart = Path.GetTempFileName();
        try
        {
            // Asked for a property, the SDK writes that to standard output, and errors (only those) to the other stream.
            string[] arguments = ["build", Path.Combine(AppContext.BaseDirectory, "Hosting", "apps.proj"), "--nologo", .. flags, .. runs[0].BuildArguments, "-getProperty:AppsToStart"];
            var (code, output, errors) = await SdkAsync(dotnet, arguments, projects, whatToStart, cancellation);
            if (code != 0)
            {
                console.ErrorLine($"{(errors.Length > 0 ? errors : output).TrimEnd()}\nerror: {string.Join(", ", projects)}: the build failed. Correct the errors above; nothing was started.");
                return null;
            }

            return (await File.ReadAllLinesAsync(whatToStart, cancellation)).Select(line => line.Split('|')).ToDictionary(
                told => told[0],
                told => (new BuiltProgram(told[1], told[3].Length == 0 ? null : Path.GetFullPath(told[3], Path.GetDirectoryName(told[0])!)), told[2]));
        }
        finally
        {
            File.Delete(whatToStart);
        }
    }

    /// <summary>The file that says which SDK a project is built with; empty where none does.</summary>
    private static string SdkSettings(string project)
    {
        for (var folder = Path.GetDirectoryName(project); folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (Path.Combine(folder, "global.json") is var file && File.Exists(file))
            {
                return file;
            }
        }

        return "";
    }

    private static async Task<(int Code, string Output, string Errors)> SdkAsync(string dotnet, IEnumerable<string> arguments, List<string> projects, string whatToStart, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(dotnet, arguments)
        {
            WorkingDirectory = Path.GetDirectoryName(projects[0]),
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0";
        start.Environment["DOTNET_NOLOGO"] = "1";
        start.Environment["AppsToStart"] = string.Join(';', projects.Select(Escaped));
        start.Environment["WhatToStartFile"] = Escaped(whatToStart);
        foreach (var variable in OfTheOuterSdk)
        {
            start.Environment.Remove(variable);
        }

        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancellation);
            var errors = process.StandardError.ReadToEndAsync(cancellation);
            await process.WaitForExitAsync(cancellation);
            return (process.ExitCode, await output, await errors);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    // What MSBuild reads as more than itself, in the way it escapes it.
    private static string Escaped(string path) => string.Concat(path.Select(c => "%$@'();?*".Contains(c, StringComparison.Ordinal) ? $"%{(int)c:X2}" : $"{c}"));
}

/// <summary>What building a project yields; <see cref="Directory"/> is null when the app's own folder is right.</summary>
internal sealed record BuiltProgram(string Assembly, string? Directory);
