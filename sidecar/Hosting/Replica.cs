using System.Globalization;
using System.Text.RegularExpressions;
using Sidecar.Configuration;

namespace Sidecar.Hosting;

/// <summary>One process of an app to be, with its own sidecar.</summary>
internal sealed record Replica(string Label, AppSpec App, Resources Resources, AppCommand? Command)
{
    /// <summary>
    /// The replicas of an app. The first has the file's ports (free ones where the file names none), the others get free
    /// ones; where a replica's environment or command line names the app's port as <c>:5101</c>, it follows.
    /// </summary>
    public static IEnumerable<Replica> Of(AppSpec app, Resources resources, AppCommand? command, int count, int firstNumber, Ports ports)
    {
        for (var i = 0; i < count; i++)
        {
            var first = i == 0;
            int Port(int fromFile) => first && fromFile > 0 ? fromFile : ports.Free();
            var spec = app with
            {
                AppPort = app.AppPort is { } port ? Port(port) : null,
                HttpPort = Port(app.HttpPort),
                GrpcPort = Port(app.GrpcPort),
                MetricsPort = Port(app.MetricsPort),
            };
            string Follow(string text) => first || app.AppPort is null
                ? text
                : Regex.Replace(text, $@":{app.AppPort}(?!\d)", ":" + spec.AppPort!.Value.ToString(CultureInfo.InvariantCulture));
            spec = spec with { Environment = app.Environment.ToDictionary(e => e.Key, e => Follow(e.Value)) };
            var number = firstNumber + i;
            yield return new Replica(number == 1 ? app.AppId : $"{app.AppId}#{number}", spec, resources, command?.Select(Follow));
        }
    }

    /// <summary>What <c>dapr run -f</c> adds to the environment that the app inherits, the file's <c>env</c> last.</summary>
    public IEnumerable<KeyValuePair<string, string>> Environment
    {
        get
        {
            static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
            var variables = new Dictionary<string, string>
            {
                ["APP_ID"] = App.AppId,
                ["APP_PROTOCOL"] = App.AppProtocol,
                ["APP_CHANNEL_ADDRESS"] = App.AppChannelAddress,
                ["DAPR_HTTP_PORT"] = Text(App.HttpPort),
                ["DAPR_GRPC_PORT"] = Text(App.GrpcPort),
                ["DAPR_METRICS_PORT"] = Text(App.MetricsPort),
            };
            if (App.AppPort is { } port)
            {
                variables["APP_PORT"] = Text(port);
            }

            return variables.Concat(App.Environment).Concat(Command?.Environment ?? new Dictionary<string, string>());
        }
    }

    /// <summary>Where people reach the app; null when it has no port.</summary>
    public string? Address => App.AppPort is { } port
        ? $"{(App.AppProtocol is "https" or "grpcs" ? "https" : "http")}://{(App.AppChannelAddress is "127.0.0.1" or "::1" ? "localhost" : App.AppChannelAddress)}:{port}"
        : null;
}

/// <summary>
/// How an app is started: a program with its arguments, or, when <see cref="Run"/> is there, the assembly that building
/// its project yields, by the program <c>dotnet</c>.
/// </summary>
internal sealed record AppCommand(string Program, IReadOnlyList<string> Arguments, string Directory, IReadOnlyDictionary<string, string> Environment, DotnetRun? Run)
{
    public AppCommand Select(Func<string, string> change) => this with
    {
        Arguments = [.. Arguments.Select(change)],
        Environment = Environment.ToDictionary(e => e.Key, e => change(e.Value)),
    };

    /// <summary>The same command once its project is built.</summary>
    public AppCommand Of(BuiltProgram built) => this with { Arguments = [built.Assembly, .. Arguments], Directory = built.Directory ?? Directory };

    /// <summary>Finds the program; null when that fails, which is then among the findings, or when the app has no command.</summary>
    public static AppCommand? Find(AppSpec app, Section source, Findings findings)
    {
        if (app.Command.Count == 0 || !System.IO.Directory.Exists(app.Directory))
        {
            return null;
        }

        var path = app.Environment.GetValueOrDefault("PATH") ?? System.Environment.GetEnvironmentVariable("PATH");
        var program = Programs.Find(app.Command[0], app.Directory, path);
        if (program is null)
        {
            source.Error("command", $"the program '{app.Command[0]}' is not found", "Install it, or correct 'command': a list of the program and its arguments, not a line for a shell.");
            return null;
        }

        var errors = findings.Errors.Count;
        var run = DotnetRun.Recognise(app, source, findings);
        if (findings.Errors.Count > errors)
        {
            return null;
        }

        return run is null
            ? new AppCommand(program, [.. app.Command.Skip(1)], app.Directory, new Dictionary<string, string>(), null)
            : new AppCommand(program, run.Arguments, app.Directory, run.AllEnvironment, run);
    }
}
