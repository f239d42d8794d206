using System.CommandLine;
using System.CommandLine.Help;
using System.Globalization;

namespace Accounts.LogVerifier;

/// <summary>What the command line asks for.</summary>
internal sealed record Options
{
    // The gRPC port that the run file gives the command service's sidecar.
    private const string UsualPort = "50101";

    /// <summary>The sidecar's gRPC address, unless <see cref="DataFolder"/> is given.</summary>
    public required Uri Sidecar { get; init; }

    /// <summary>The data folder of a stopped system, for which an embedded sidecar is started.</summary>
    public string? DataFolder { get; init; }

    /// <summary>Components for that sidecar, when they are not those of <c>components/local</c>.</summary>
    public string? Components { get; init; }

    /// <summary>File with what was acknowledged, or null.</summary>
    public string? Acknowledged { get; init; }

    /// <summary>The log may hold nothing else.</summary>
    public bool NothingElse { get; init; }

    /// <summary>File that keeps how far the log is verified, or null.</summary>
    public string? StateFile { get; init; }

    /// <summary>
    /// Reads the command line. Help and complaints are written here; then there are no options and
    /// <paramref name="exitCode"/> is 0 or 2.
    /// </summary>
    public static Options? Parse(string[] arguments, out int exitCode)
    {
        var grpc = new Option<string>("--dapr-grpc") { HelpName = "ADDRESS", Description = $"gRPC port or address of a running sidecar that may use the log [default: DAPR_GRPC_ENDPOINT or DAPR_GRPC_PORT, else {UsualPort}, the command service's in dapr.yaml]" };
        var data = new Option<string>("--data") { HelpName = "DIR", Description = "For a stopped system: its data folder (.data). An embedded sidecar is started for the time it takes" };
        var components = new Option<string>("--components") { HelpName = "DIR", Description = "With --data: the folder of components, when it is not components/local" };
        var acknowledged = new Option<string>("--acknowledged") { HelpName = "FILE", Description = "What must be in the log, one a line: an event id, or an account number and a version, as 'A-1 3' or with its Account-Position 'A-1 3 7:118'" };
        var nothingElse = new Option<bool>("--nothing-else") { Description = "With --acknowledged: the log must hold no other event" };
        var state = new Option<string>("--state") { HelpName = "FILE", Description = "Keeps there how far the log is verified, and goes on from there when it exists" };
        var root = new RootCommand("Reads a whole event log through a Dapr sidecar and checks it. Exit code 0: all is well. 1: something is not; partition and position are named. 2: it could not be finished.")
        {
            grpc, data, components, acknowledged, nothingElse, state,
        };
        foreach (var version in root.Options.OfType<VersionOption>().ToList())
        {
            root.Options.Remove(version);
        }

        var parsed = root.Parse(arguments);
        exitCode = 2;
        if (parsed.Errors.Count == 0 && parsed.Action is HelpAction help)
        {
            exitCode = help.Invoke(parsed);
            return null;
        }

        var given = parsed.Errors.Count > 0 ? null
            : parsed.GetValue(grpc)
            ?? Variable("DAPR_GRPC_ENDPOINT")
            ?? Variable("DAPR_GRPC_PORT")
            ?? UsualPort;
        var address = ToAddress(given);
        var wrong = parsed.Errors.Count > 0 ? parsed.Errors[0].Message.TrimEnd('.')
            : address is null ? $"'{given}' is neither a port nor an address such as http://127.0.0.1:{UsualPort}"
            : parsed.GetValue(data) is { } folder && !Directory.Exists(folder) ? $"there is no folder '{folder}'"
            : parsed.GetValue(acknowledged) is { } file && !File.Exists(file) ? $"there is no file '{file}'"
            : parsed.GetValue(nothingElse) && parsed.GetValue(acknowledged) is null ? "--nothing-else goes with --acknowledged"
            : null;
        if (wrong is not null)
        {
            Console.Error.WriteLine($"command line: {wrong}. --help lists the options.");
            return null;
        }

        return new Options
        {
            Sidecar = address!,
            DataFolder = parsed.GetValue(data),
            Components = parsed.GetValue(components),
            Acknowledged = parsed.GetValue(acknowledged),
            NothingElse = parsed.GetValue(nothingElse),
            StateFile = parsed.GetValue(state),
        };
    }

    private static Uri? ToAddress(string? given) =>
        int.TryParse(given, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and < 65536 ? new Uri($"http://127.0.0.1:{port}")
        : Uri.TryCreate(given, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" ? uri
        : null;

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
