namespace Sidecar.Configuration;

/// <summary>One app of a run file, with everything that <c>common</c> gave it already merged in.</summary>
internal sealed record AppSpec
{
    /// <summary>The Dapr app id; the folder's name when the file gives none.</summary>
    public required string AppId { get; init; }

    /// <summary>Absolute path of <c>appDirPath</c>, the working directory of the app.</summary>
    public required string Directory { get; init; }

    /// <summary>Program and arguments; empty when only a sidecar is wanted.</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    /// <summary>The app's own port; null when the sidecar never calls the app.</summary>
    public int? AppPort { get; init; }

    /// <summary>The sidecar's HTTP port; 0 means that a free one is taken.</summary>
    public int HttpPort { get; init; }

    /// <summary>The sidecar's gRPC port; 0 means that a free one is taken.</summary>
    public int GrpcPort { get; init; }

    /// <summary>Only announced to the app (<c>DAPR_METRICS_PORT</c>); nothing listens on it here.</summary>
    public int MetricsPort { get; init; }

    /// <summary>Host name under which the sidecar calls the app.</summary>
    public string AppChannelAddress { get; init; } = "127.0.0.1";

    /// <summary><c>http</c> or <c>grpc</c> and so on, as in the file; only <c>http</c> apps are called.</summary>
    public string AppProtocol { get; init; } = "http";

    /// <summary>At most so many calls to the app at once; 0 means no limit.</summary>
    public int AppMaxConcurrency { get; init; }

    /// <summary>Largest request and response of the sidecar's APIs, in bytes.</summary>
    public int MaxBodySize { get; init; } = 4 << 20;

    /// <summary>Health probes of the app, or null when the file does not switch them on.</summary>
    public AppHealthCheck? HealthCheck { get; init; }

    /// <summary>The <c>env</c> of the file: <c>common</c> first, the app's own entries over it.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Absolute folders (or files) with components, subscriptions and resiliency policies, in order.</summary>
    public IReadOnlyList<string> ResourcePaths { get; init; } = [];

    /// <summary>What the app's <c>configFilePath</c> says.</summary>
    public AppConfiguration Configuration { get; init; } = new();
}

/// <summary>How the sidecar asks an app whether it is well (Dapr: <c>enableAppHealthCheck</c> and its companions).</summary>
internal sealed record AppHealthCheck(string Path, TimeSpan Interval, TimeSpan Timeout, int Threshold);
