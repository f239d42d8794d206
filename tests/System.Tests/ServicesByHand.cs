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
    }

    private void Start(YamlMappingNode app)
    {
        var id = ((YamlScalarNode)app["appID"]).Value!;
        var start = new ProcessStartInfo("dotnet", [Repository.Assembly(Projects[id])])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["APP_ID"] = id, ["DAPR_HTTP_PORT"] = Text(app["daprHTTPPort"]), ["DAPR_GRPC_PORT"] = Text(app["daprGRPCPort"]) },
        };
        foreach (var (name, value) in (YamlMappingNode)app["env"])
        {
            start.Environment[Text(name)] = Text(value);
        }

        var process = Process.Start(start)!;
        _processes.Add(process);
        _addresses[id] = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://localhost:{Text(app["appPort"])}"));

        // Nobody reads what it writes, and a full pipe would stop it.
        _ = process.StandardOutput.BaseStream.CopyToAsync(Stream.Null);
        _ = process.StandardError.BaseStream.CopyToAsync(Stream.Null);
    }

    private static string Text(YamlNode node) => ((YamlScalarNode)node).Value!;
}
