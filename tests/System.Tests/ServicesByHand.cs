using System.Diagnostics;
using System.Globalization;
using TestSupport;
using YamlDotNet.RepresentationModel;

namespace SystemTests;

/// <summary>The services of a run file, started as somebody else than the host would: by hand, with the variables that the sidecar would give.</summary>
internal sealed class ServicesByHand : IAsyncDisposable
{
    private static readonly Dictionary<string, string> Projects = new()
    {
        ["accounts-command"] = "Accounts.Command",
        ["accounts-processor"] = "Accounts.Processor",
        ["accounts-query"] = "Accounts.Query",
    };

    private readonly Dictionary<string, Uri> _addresses = [];
    private readonly List<Process> _processes = [];

    /// <summary>Where the app listens.</summary>
    public Uri this[string app] => _addresses[app];

    public static ServicesByHand Start(string runFile)
    {
        var stream = new YamlStream();
        using (var reader = new StreamReader(runFile))
        {
            stream.Load(reader);
        }

        var services = new ServicesByHand();
        foreach (var app in ((YamlSequenceNode)stream.Documents[0].RootNode["apps"]).Cast<YamlMappingNode>())
        {
            services.Start(app);
        }

        return services;
    }

    /// <summary>The processes, in the order of the run file.</summary>
    public IReadOnlyList<int> ProcessIds => [.. _processes.Select(process => process.Id)];

    /// <summary>Starts a replica that has ended, with the variables that the host gave it and those given here.</summary>
    public static ServicesByHand Start(RunningApp app, IReadOnlyDictionary<string, string> environment)
    {
        var services = new ServicesByHand();
        services.Start(app.Label.Split('#')[0], app.Address!, app.DaprHttpPort, app.DaprGrpcPort, environment.Append(new("ASPNETCORE_URLS", app.Address!.ToString())));
        return services;
    }

    public async ValueTask DisposeAsync()
    {
        _processes.ForEach(process => Signals.Terminate(process.Id));
        foreach (var process in _processes)
        {
            await Task.WhenAny(process.WaitForExitAsync(), Task.Delay(TimeSpan.FromSeconds(20)));
            Signals.Kill(process.Id);
            await process.WaitForExitAsync();
            process.Dispose();
        }

        _processes.Clear();
    }

    private void Start(YamlMappingNode app)
    {
        Start(
            Text(app["appID"]),
            new Uri($"http://localhost:{Text(app["appPort"])}"),
            Number(app["daprHTTPPort"]),
            Number(app["daprGRPCPort"]),
            ((YamlMappingNode)app["env"]).Select(e => KeyValuePair.Create(Text(e.Key), Text(e.Value))));
    }

    private void Start(string id, Uri address, int daprHttpPort, int daprGrpcPort, IEnumerable<KeyValuePair<string, string>> environment)
    {
        var start = new ProcessStartInfo("dotnet", [Repository.Assembly(Projects[id])])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment =
            {
                ["APP_ID"] = id,
                ["DAPR_HTTP_PORT"] = daprHttpPort.ToString(CultureInfo.InvariantCulture),
                ["DAPR_GRPC_PORT"] = daprGrpcPort.ToString(CultureInfo.InvariantCulture),
            },
        };
        ShortLife.Prepare(start.Environment);
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        var process = Process.Start(start)!;
        _processes.Add(process);
        _addresses[id] = address;

        // Nobody reads what it writes, and a full pipe would stop it.
        _ = process.StandardOutput.BaseStream.CopyToAsync(Stream.Null);
        _ = process.StandardError.BaseStream.CopyToAsync(Stream.Null);
    }

    private static int Number(YamlNode node) => int.Parse(Text(node), CultureInfo.InvariantCulture);

    private static string Text(YamlNode node) => ((YamlScalarNode)node).Value!;
}
