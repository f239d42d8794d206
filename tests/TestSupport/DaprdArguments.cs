using YamlDotNet.RepresentationModel;

namespace TestSupport;

/// <summary>The command lines with which <c>dapr run -f</c> would start the sidecars of a run file.</summary>
public static class DaprdArguments
{
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

    /// <summary>One for each app, in the order of the file.</summary>
    public static IEnumerable<IReadOnlyList<string>> Of(string runFile)
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

    /// <summary>What follows a flag.</summary>
    public static string After(IReadOnlyList<string> arguments, string flag) => arguments.SkipWhile(argument => argument != flag).ElementAt(1);

    private static string Text(YamlNode node) => ((YamlScalarNode)node).Value!;
}
