using System.Text.RegularExpressions;
using TestSupport;
using YamlDotNet.RepresentationModel;

namespace SystemTests;

/// <summary>
/// The services on real Dapr, as <c>dapr run -f .</c> would start them: with the run file's configurations, components and flags, and with
/// other ports. Components are those of the run file, or the folder that <c>ACCOUNTS_COMPONENTS</c> names, say <c>postgres-kafka</c>.
/// </summary>
internal sealed partial class DaprdSystem : IAsyncDisposable
{
    private static readonly string Components = Environment.GetEnvironmentVariable("ACCOUNTS_COMPONENTS") is { Length: > 0 } named ? named : "redis";

    // The run file's keys, as daprd wants them on its command line.
    private static readonly Dictionary<string, string> Flags = new()
    {
        ["appID"] = "--app-id",
        ["appPort"] = "--app-port",
        ["daprHTTPPort"] = "--dapr-http-port",
        ["daprGRPCPort"] = "--dapr-grpc-port",
        ["daprInternalGRPCPort"] = "--dapr-internal-grpc-port",
        ["metricsPort"] = "--metrics-port",
        ["configFilePath"] = "--config",
        ["appHealthCheckPath"] = "--app-health-check-path",
        ["appHealthProbeInterval"] = "--app-health-probe-interval",
        ["appHealthProbeTimeout"] = "--app-health-probe-timeout",
        ["appHealthThreshold"] = "--app-health-threshold",
        ["logLevel"] = "--log-level",
    };

    // What is not the sidecar's business, or comes otherwise.
    private static readonly string[] NotForDaprd = ["appDirPath", "env", "command", "daprdLogDestination", "resourcesPaths", "enableAppHealthCheck"];

    private readonly ServicesByHand _services;
    private readonly Daprd _dapr;

    private DaprdSystem(ServicesByHand services, Daprd dapr) => (_services, _dapr) = (services, dapr);

    /// <summary>Why the system cannot be started here; null when it can.</summary>
    public static async Task<string?> MissingAsync()
    {
        if (Daprd.Missing is { } missing)
        {
            return missing;
        }

        foreach (var address in Directory.EnumerateFiles(Path.Combine(Repository.Root, "components", Components), "*.yaml")
            .SelectMany(file => Local().Matches(File.ReadAllText(file)).Select(found => found.Value))
            .Distinct())
        {
            if (!await FreePorts.AnswersAsync(address))
            {
                return $"Nothing answers at {address}, which components/{Components} names.";
            }
        }

        return null;
    }

    /// <summary>Starts services and sidecars; does not wait for them.</summary>
    public static async Task<DaprdSystem> StartAsync(TemporaryFolder folder)
    {
        var runFile = RunFileCopy.Write(folder.Location, startedElsewhere: true, components: Components);
        var dapr = new Daprd(folder.Location);
        await dapr.PlacementAnswersAsync();
        foreach (var arguments in SidecarsOf(runFile))
        {
            dapr.StartSidecar(arguments);
        }

        return new DaprdSystem(ServicesByHand.Start(runFile), dapr);
    }

    /// <summary>The command lines of the sidecars of a run file.</summary>
    public static IEnumerable<IReadOnlyList<string>> SidecarsOf(string runFile)
    {
        var stream = new YamlStream();
        using (var reader = new StreamReader(runFile))
        {
            stream.Load(reader);
        }

        var common = (YamlMappingNode)stream.Documents[0].RootNode["common"];
        foreach (var app in ((YamlSequenceNode)stream.Documents[0].RootNode["apps"]).Cast<YamlMappingNode>())
        {
            var arguments = new List<string>();
            foreach (var (key, value) in common.Concat(app).Where(entry => !NotForDaprd.Contains(Text(entry.Key))))
            {
                arguments.AddRange([Flags[Text(key)], Text(value)]);
            }

            foreach (var path in (YamlSequenceNode)common["resourcesPaths"])
            {
                arguments.AddRange(["--resources-path", Text(path)]);
            }

            if (Text(common["enableAppHealthCheck"]) == "true")
            {
                arguments.Add("--enable-app-health-check");
            }

            yield return arguments;
        }
    }

    /// <summary>The addresses, as variables for whoever tests the system.</summary>
    public IReadOnlyDictionary<string, Uri> Addresses => new Dictionary<string, Uri>
    {
        ["ACCOUNTS_COMMAND_URL"] = _services["accounts-command"],
        ["ACCOUNTS_PROCESSOR_URL"] = _services["accounts-processor"],
        ["ACCOUNTS_QUERY_URL"] = _services["accounts-query"],
    };

    /// <summary>What the sidecars wrote.</summary>
    public string Output => _dapr.Output;

    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        await _dapr.DisposeAsync();
    }

    private static string Text(YamlNode node) => ((YamlScalarNode)node).Value!;

    [GeneratedRegex(@"\blocalhost:\d+")]
    private static partial Regex Local();
}
