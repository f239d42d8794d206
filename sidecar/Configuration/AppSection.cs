namespace Sidecar.Configuration;

/// <summary>Reads one entry of <c>apps</c>, with Dapr's rules on what <c>common</c> gives to it.</summary>
internal static class AppSection
{
    private static readonly string[] WithoutEffect =
    [
        "daprInternalGRPCPort", "profilePort", "unixDomainSocket", "containerImage", "containerImagePullPolicy", "createService",
    ];

    private static readonly string[] SharedWithoutEffect =
    [
        "apiListenAddresses", "enableProfiling", "logLevel", "placementHostAddress", "schedulerHostAddress",
        "readBufferSize", "enableApiLogging", "runtimePath", "appLogDestination", "daprdLogDestination",
    ];

    private static readonly string[] Protocols = ["http", "https", "h2c", "grpc", "grpcs"];

    /// <summary>
    /// Always gives an app, so that the checks to come find their errors too; its folder is empty or missing when there
    /// is an error about it. With <paramref name="ownResources"/> false, another folder is used in the place of the file's
    /// resource paths, and it does not matter whether they exist.
    /// </summary>
    public static AppSpec Read(Section app, Section? common, string runFileFolder, bool ownResources)
    {
        app.Accept([.. WithoutEffect, .. SharedWithoutEffect]);
        common?.Accept(SharedWithoutEffect);

        var id = app.Text("appID");
        if (!string.IsNullOrEmpty(id))
        {
            app.Name = $"app {id}";
        }

        var folder = app.RequiredText("appDirPath", "Name the folder that the app is started in, relative to the run file.");
        var directory = folder is null ? null : Absolute(runFileFolder, folder);
        if (directory is not null && !Directory.Exists(directory))
        {
            app.Error("appDirPath", $"the folder '{directory}' does not exist", "Correct appDirPath; it is relative to the run file.");
        }

        id = string.IsNullOrEmpty(id) ? directory is null ? "app" : Path.GetFileName(Path.TrimEndingDirectorySeparator(directory)) : id;
        app.Name = $"app {id}";

        var spec = new AppSpec
        {
            AppId = id,
            Directory = directory ?? "",
            Command = app.Texts("command"),
            AppPort = app.Number("appPort", most: 65535) is { } port and > 0 ? port : null,
            HttpPort = Math.Max(0, app.Number("daprHTTPPort", most: 65535) ?? 0),
            GrpcPort = Math.Max(0, app.Number("daprGRPCPort", most: 65535) ?? 0),
            MetricsPort = Math.Max(0, app.Number("metricsPort", most: 65535) ?? 0),
            AppChannelAddress = app.Text("appChannelAddress") is { Length: > 0 } address ? address : "127.0.0.1",
            AppProtocol = Protocol(app, common),
            AppMaxConcurrency = Math.Max(0, Shared(app, common, s => s.Number("appMaxConcurrency") ?? 0)),
            MaxBodySize = Shared(app, common, BodySize) is > 0 and var size ? size : 4 << 20,
            HealthCheck = Health(app, common),
            Environment = Merged(common?.Map("env"), app.Map("env")),
            ResourcePaths = ResourcePaths(app, common, directory, runFileFolder, ownResources),
            Configuration = Configuration(app, common, directory, runFileFolder),
        };
        app.WarnOfUnread();
        return spec;
    }

    /// <summary>The app's own value, or that of <c>common</c> where the app says nothing, or the zero value: as in Dapr.</summary>
    private static T Shared<T>(Section app, Section? common, Func<Section, T> read)
    {
        var own = read(app);
        var given = common is null ? default! : read(common);
        return EqualityComparer<T>.Default.Equals(own, default) ? given : own;
    }

    private static string Protocol(Section app, Section? common)
    {
        var protocol = Shared(app, common, s => s.Text("appProtocol") is { Length: > 0 } text ? text.ToLowerInvariant() : null) ?? "http";
        if (!Protocols.Contains(protocol))
        {
            app.Error("appProtocol", $"'{protocol}' is no appProtocol", $"Use one of {string.Join(", ", Protocols)}.");
        }

        var secure = Shared(app, common, s => s.Flag("appSSL") ?? false);
        return secure && protocol is "http" or "grpc" ? protocol + "s" : protocol;
    }

    private static int BodySize(Section section)
    {
        if (section.Text("maxBodySize") is not { Length: > 0 } text || text.StartsWith('-'))
        {
            return 0;
        }

        if (Units.Size(text) is { } size)
        {
            return size;
        }

        section.Error("maxBodySize", $"'{text}' is no size", "Write bytes, or a number with Ki, Mi or Gi, for instance 4Mi.");
        return 0;
    }

    private static AppHealthCheck? Health(Section app, Section? common)
    {
        var enabled = Shared(app, common, s => s.Flag("enableAppHealthCheck") ?? false);
        var path = Shared(app, common, s => s.Text("appHealthCheckPath"));
        var interval = Shared(app, common, s => s.Number("appHealthProbeInterval", least: 0) ?? 0);
        var timeout = Shared(app, common, s => s.Number("appHealthProbeTimeout", least: 0) ?? 0);
        var threshold = Shared(app, common, s => s.Number("appHealthThreshold", least: 0) ?? 0);
        if (!enabled)
        {
            return null;
        }

        var check = new AppHealthCheck(
            path is { Length: > 0 } ? path.StartsWith('/') ? path : "/" + path : "/healthz",
            TimeSpan.FromSeconds(interval == 0 ? 5 : interval),
            TimeSpan.FromMilliseconds(timeout == 0 ? 500 : timeout),
            threshold == 0 ? 3 : threshold);
        if (check.Timeout > check.Interval)
        {
            app.Error("appHealthProbeTimeout", "the probe's time-out is longer than its interval", "Lower it: it is in milliseconds, appHealthProbeInterval in seconds.");
        }

        return check;
    }

    private static Dictionary<string, string> Merged(IReadOnlyDictionary<string, string>? common, IReadOnlyDictionary<string, string> app)
    {
        var merged = new Dictionary<string, string>(common ?? new Dictionary<string, string>());
        foreach (var (key, value) in app)
        {
            merged[key] = value;
        }

        return merged;
    }

    private static List<string> ResourcePaths(Section app, Section? common, string? directory, string runFileFolder, bool check)
    {
        var own = Paths(app, directory ?? runFileFolder, check);
        var shared = common is null ? [] : Paths(common, runFileFolder, check);
        if (own.Count > 0)
        {
            return own;
        }

        if (directory is not null && Path.Combine(directory, ".dapr", "resources") is var local && Directory.Exists(local))
        {
            return [local];
        }

        var installed = Absolute(runFileFolder, "~/.dapr/components");
        return shared.Count > 0 ? shared : Directory.Exists(installed) ? [installed] : [];
    }

    /// <summary>The app's own file, else the one in its folder, else that of <c>common</c>, else the one of Dapr's installation.</summary>
    private static AppConfiguration Configuration(Section app, Section? common, string? directory, string runFileFolder)
    {
        string?[] files =
        [
            ConfigurationFile(app, directory ?? runFileFolder),
            directory is not null && Path.Combine(directory, ".dapr", "config.yaml") is var local && File.Exists(local) ? local : null,
            common is null ? null : ConfigurationFile(common, runFileFolder),
            Absolute(runFileFolder, "~/.dapr/config.yaml") is var installed && File.Exists(installed) ? installed : null,
        ];
        return files.FirstOrDefault(f => f is not null) is { } file ? ConfigurationDocument.Read(file, app.Findings) : new AppConfiguration();
    }

    private static string? ConfigurationFile(Section section, string relativeTo)
    {
        if (section.Text("configFilePath") is not { Length: > 0 } given)
        {
            return null;
        }

        var file = Absolute(relativeTo, given);
        if (File.Exists(file))
        {
            return file;
        }

        section.Error("configFilePath", $"the configuration file '{file}' does not exist", "Correct the path; it is relative to appDirPath, in common to the run file.");
        return null;
    }

    private static List<string> Paths(Section section, string relativeTo, bool check)
    {
        var paths = section.Texts("resourcesPaths").Select(p => (Key: "resourcesPaths", Path: p)).ToList();
        if (section.Text("resourcesPath") is { Length: > 0 } single)
        {
            paths.Add(("resourcesPath", single));
        }

        return [.. paths.Select(p => (p.Key, Path: Absolute(relativeTo, p.Path))).Where(p => !check || Exists(section, p.Key, p.Path)).Select(p => p.Path)];
    }

    private static bool Exists(Section section, string key, string path)
    {
        if (Directory.Exists(path))
        {
            return true;
        }

        section.Error(key, $"the resource folder '{path}' does not exist", "Correct the path, or give a folder with --components DIR.");
        return false;
    }

    private static string Absolute(string relativeTo, string path)
    {
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        var expanded = path == "~" ? home : path.StartsWith("~/", StringComparison.Ordinal) ? Path.Combine(home, path[2..]) : path;
        return Path.TrimEndingDirectorySeparator(Path.GetFullPath(expanded, relativeTo));
    }
}
