using System.Diagnostics;
using System.Text.Json;

namespace Sidecar.Hosting;

/// <summary>Builds the projects behind <c>dotnet run</c> commands, one after the other.</summary>
internal static class Builds
{
    // Set by the SDK for itself when it runs this host (dotnet run); another SDK version must not see them.
    private static readonly string[] OfTheOuterSdk =
        ["MSBuildSDKsPath", "MSBuildExtensionsPath", "MSBuildLoadMicrosoftTargetsReadOnly", "MSBUILD_EXE_PATH", "DOTNET_CLI_TELEMETRY_SESSIONID"];

    /// <summary>
    /// Builds the project and gives the path of its assembly, and the folder that it is to run in where the project says
    /// so (web projects do). Null when that fails; the build's messages are then written to standard error.
    /// </summary>
    public static async Task<BuiltProgram?> RunAsync(string dotnet, DotnetRun run, HostConsole console, CancellationToken cancellation)
    {
        string[] flags = ["--no-restore"];
        if (run.Build)
        {
            console.Line($"Building {Path.GetFileNameWithoutExtension(run.Project)} …");
            flags = ["-t:Build", "-nodeReuse:false"];
        }

        // Asked for properties, the SDK writes them to standard output, and errors (only those) to the other stream.
        string[] arguments = ["build", run.Project, "--nologo", .. flags, .. run.BuildArguments, "-getProperty:TargetPath", "-getProperty:OutputType", "-getProperty:RunWorkingDirectory"];
        var (code, json, errors) = await SdkAsync(dotnet, run, arguments, cancellation);
        if (code != 0)
        {
            console.ErrorLine($"{(errors.Length > 0 ? errors : json).TrimEnd()}\nerror: {run.Project}: the build failed. Correct the errors above; nothing was started.");
            return null;
        }

        using var document = JsonDocument.Parse(json[json.IndexOf('{', StringComparison.Ordinal)..]);
        var properties = document.RootElement.GetProperty("Properties");
        var target = properties.GetProperty("TargetPath").GetString()!;
        var kind = properties.GetProperty("OutputType").GetString();
        if (kind is not ("Exe" or "WinExe"))
        {
            console.ErrorLine($"error: {run.Project}: the project is a {kind} and cannot be started. Name a program's project in 'command'; nothing was started.");
            return null;
        }

        if (!File.Exists(target))
        {
            console.ErrorLine($"error: {run.Project}: '{target}' does not exist. Build the project, or leave --no-build out; nothing was started.");
            return null;
        }

        var folder = properties.GetProperty("RunWorkingDirectory").GetString();
        return new BuiltProgram(target, string.IsNullOrEmpty(folder) ? null : Path.GetFullPath(folder, Path.GetDirectoryName(run.Project)!));
    }

    private static async Task<(int Code, string Output, string Errors)> SdkAsync(string dotnet, DotnetRun run, IEnumerable<string> arguments, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(dotnet, arguments)
        {
            WorkingDirectory = Path.GetDirectoryName(run.Project),
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0";
        start.Environment["DOTNET_NOLOGO"] = "1";
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
}

/// <summary>What building a project yields; <see cref="Directory"/> is null when the app's own folder is right.</summary>
internal sealed record BuiltProgram(string Assembly, string? Directory);
