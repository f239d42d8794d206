using Sidecar.Configuration;
using TestSupport;

namespace Sidecar.Tests;

public sealed class ConfigurationRunFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Findings _findings = new();

    public ConfigurationRunFileTests()
    {
        foreach (var name in new[] { "web", "backend", "shared", "web/own", "backend/.dapr/resources" })
        {
            Directory.CreateDirectory(_folder.At(name));
        }
    }

    [Fact]
    public void Reads_an_app_with_everything_that_Dapr_knows()
    {
        _folder.Write("web/config.yaml", "kind: Configuration");
        var app = Read("""
            version: 1
            name: shop
            apps:
              - appID: web
                appDirPath: ./web
                appPort: 8080
                daprHTTPPort: 3600
                daprGRPCPort: 50200
                metricsPort: 9191
                daprInternalGRPCPort: 50201
                profilePort: 7777
                unixDomainSocket: /tmp/s
                command: ["python3", "app.py", 5]
                appChannelAddress: localhost
                appProtocol: HTTP
                appSSL: true
                appMaxConcurrency: 3
                maxBodySize: 16Mi
                readBufferSize: 8Ki
                enableAppHealthCheck: yes
                appHealthCheckPath: alive
                appHealthProbeInterval: 2
                appHealthProbeTimeout: 300
                appHealthThreshold: 4
                configFilePath: ./config.yaml
                apiListenAddresses: 127.0.0.1
                enableProfiling: false
                logLevel: debug
                placementHostAddress: ""
                schedulerHostAddress: localhost
                enableApiLogging: true
                runtimePath: /opt
                appLogDestination: console
                daprdLogDestination: file
                containerImage: web:1
                containerImagePullPolicy: Never
                createService: true
                env:
                  DEBUG: false
                  LEVEL: 5
                  EMPTY:
            """).Single().Spec;

        Assert.Empty(_findings.Errors);
        Assert.Empty(_findings.Warnings);
        Assert.Equal(("web", _folder.At("web"), 8080, 3600, 50200, 9191), (app.AppId, app.Directory, app.AppPort, app.HttpPort, app.GrpcPort, app.MetricsPort));
        Assert.Equal(["python3", "app.py", "5"], app.Command);
        Assert.Equal(("localhost", "https", 3, 16 << 20), (app.AppChannelAddress, app.AppProtocol, app.AppMaxConcurrency, app.MaxBodySize));
        Assert.Equal(new AppHealthCheck("/alive", TimeSpan.FromSeconds(2), TimeSpan.FromMilliseconds(300), 4), app.HealthCheck);
        Assert.Equal([("DEBUG", "false"), ("LEVEL", "5"), ("EMPTY", "")], app.Environment.Select(e => (e.Key, e.Value)));
    }

    [Fact]
    public void What_the_file_leaves_out_has_Daprs_defaults()
    {
        var app = Read("""
            version: 1
            apps:
              - appDirPath: web/
                enableAppHealthCheck: true
            """).Single().Spec;

        Assert.Empty(_findings.Errors);
        Assert.Equal("web", app.AppId);
        Assert.Equal((null, 0, 0, 0), (app.AppPort, app.HttpPort, app.GrpcPort, app.MetricsPort));
        Assert.Equal(("127.0.0.1", "http", 0, 4 << 20), (app.AppChannelAddress, app.AppProtocol, app.AppMaxConcurrency, app.MaxBodySize));
        Assert.Equal(new AppHealthCheck("/healthz", TimeSpan.FromSeconds(5), TimeSpan.FromMilliseconds(500), 3), app.HealthCheck);
        Assert.Empty(app.Command);
        Assert.Empty(app.Environment);
    }

    [Fact]
    public void Common_gives_what_the_app_does_not_say_and_variables_are_merged_one_by_one()
    {
        var apps = Read("""
            version: 1
            common:
              appProtocol: grpc
              appMaxConcurrency: 7
              maxBodySize: 8Mi
              enableAppHealthCheck: true
              appHealthProbeTimeout: 10
              env:
                A: common
                B: common
            apps:
              - appDirPath: web
                appProtocol: http
                maxBodySize: 1Mi
                appHealthProbeTimeout: 20
                enableAppHealthCheck: false
                env:
                  B: own
                  C: own
              - appDirPath: backend
            """);

        Assert.Empty(_findings.Errors);
        var (web, backend) = (apps[0].Spec, apps[1].Spec);
        Assert.Equal(("http", 7, 1 << 20), (web.AppProtocol, web.AppMaxConcurrency, web.MaxBodySize));
        Assert.Equal(("grpc", 7, 8 << 20), (backend.AppProtocol, backend.AppMaxConcurrency, backend.MaxBodySize));

        // As in Dapr: a false cannot win against a true of common.
        Assert.Equal((20.0, 10.0), (web.HealthCheck!.Timeout.TotalMilliseconds, backend.HealthCheck!.Timeout.TotalMilliseconds));
        Assert.Equal(new Dictionary<string, string> { ["A"] = "common", ["B"] = "own", ["C"] = "own" }, web.Environment);
        Assert.Equal(new Dictionary<string, string> { ["A"] = "common", ["B"] = "common" }, backend.Environment);
    }

    [Fact]
    public void Resource_folders_are_the_apps_own_then_its_dapr_folder_then_those_of_common()
    {
        var apps = Read("""
            version: 1
            common:
              resourcesPaths: [./shared]
            apps:
              - { appID: own, appDirPath: web, resourcesPath: ./own }
              - { appID: dotted, appDirPath: backend }
              - { appID: given, appDirPath: web }
            """);

        Assert.Empty(_findings.Errors);
        Assert.Equal([_folder.At("web", "own")], apps[0].Spec.ResourcePaths);
        Assert.Equal([_folder.At("backend", ".dapr", "resources")], apps[1].Spec.ResourcePaths);
        Assert.Equal([_folder.At("shared")], apps[2].Spec.ResourcePaths);
    }

    [Fact]
    public void Unknown_keys_are_warned_of_one_by_one_and_hinted_at()
    {
        Read("""
            version: 1
            surprise: 1
            common:
              appport: 1
            apps:
              - appDirPath: web
                appId: web
                daprHTTPMaxRequestSize: 4
            """);

        Assert.Empty(_findings.Errors);
        Assert.Collection(
            _findings.Warnings.Order(),
            w => Assert.Contains("dapr.yaml:2: dapr.yaml: 'surprise' is not known and is ignored.", w),
            w => Assert.Contains("dapr.yaml:4: common: 'appport' is not known and is ignored.", w),
            w => Assert.Contains("dapr.yaml:7: app web: 'appId' is not known and is ignored (is 'appID' meant?).", w),
            w => Assert.Contains("dapr.yaml:8: app web: 'daprHTTPMaxRequestSize' is not known", w));
    }

    [Theory]
    [InlineData("apps: [{appDirPath: web}]", 1, "'version' is missing")]
    [InlineData("version: one\napps: [{appDirPath: web}]", 1, "'version' is 'one'")]
    [InlineData("version: 1", 1, "'apps' is missing or empty")]
    [InlineData("version: 1\napps: {web: 1}", 2, "'apps' is a mapping. It must be a list of mappings")]
    [InlineData("version: 1\napps:\n- appID: web", 3, "app web: 'appDirPath' is missing")]
    [InlineData("version: 1\napps:\n- appDirPath: nowhere", 3, "nowhere' does not exist")]
    [InlineData("version: 1\napps:\n- appDirPath: web\n  appPort: '80'", 4, "'appPort' is '80'. It must be a whole number, without quotes")]
    [InlineData("version: 1\napps:\n- appDirPath: web\n  appPort: 70000", 4, "'appPort' is 70000. It must be at most 65535")]
    [InlineData("version: 1\napps:\n- appDirPath: web\n  command: dotnet run", 4, "'command' is 'dotnet run'. It must be a list of texts")]
    [InlineData("version: 1\napps:\n- appDirPath: web\n  env: [A]", 4, "'env' is a list. It must be a mapping")]
    [InlineData("version: 1\napps:\n- appDirPath: web\n  enableAppHealthCheck: maybe", 4, "'enableAppHealthCheck' is 'maybe'")]
    [InlineData("version: 1\napps:\n- appDirPath: web\n  appProtocol: smtp", 4, "'smtp' is no appProtocol")]
    [InlineData("version: 1\napps:\n- appDirPath: web\n  maxBodySize: big", 4, "'big' is no size")]
    [InlineData("version: 1\napps:\n- appDirPath: web\n  resourcesPaths: [./none]", 4, "none' does not exist")]
    [InlineData("version: 1\ncommon:\n  resourcesPath: ./none\napps:\n- appDirPath: web", 3, "common: the resource folder")]
    [InlineData("version: 1\napps:\n- appDirPath: web\n  enableAppHealthCheck: true\n  appHealthProbeTimeout: 6000", 5, "time-out is longer than its interval")]
    [InlineData("version: 1\napps:\n- appDirPath: web\n   appPort: 1", 4, "broken YAML")]
    [InlineData("version: 1\nversion: 2\napps:\n- appDirPath: web", 2, "broken YAML")]
    [InlineData("- just\n- a list", 0, "the run file is empty")]
    public void An_error_names_file_line_and_remedy(string yaml, int line, string expected)
    {
        Read(yaml);

        var error = Assert.Single(_findings.Errors);
        Assert.Contains(line > 0 ? $"dapr.yaml:{line}: " : "dapr.yaml: ", error);
        Assert.Contains(expected, error);
        Assert.Matches(@"\. \p{Lu}.*\.$", error);
    }

    [Fact]
    public void A_missing_file_is_an_error()
    {
        Assert.Null(RunFile.Read(_folder.At("none.yaml"), ownResources: true, _findings));
        Assert.Contains("none.yaml: the run file does not exist. Name another one with --file", Assert.Single(_findings.Errors));
    }

    [Fact]
    public void Resource_paths_need_not_exist_when_another_folder_takes_their_place()
    {
        var path = _folder.Write("dapr.yaml", "version: 1\napps: [{appDirPath: web, resourcesPath: ./none}]");

        RunFile.Read(path, ownResources: false, _findings);

        Assert.Empty(_findings.Errors);
    }

    [Theory]
    [InlineData("5s", 5000)]
    [InlineData("1m30s", 90_000)]
    [InlineData("1.5h", 5_400_000)]
    [InlineData("250ms", 250)]
    [InlineData("0", 0)]
    [InlineData("1500", 1500)]
    [InlineData("-1s", -1000)]
    [InlineData("5 s", null)]
    [InlineData("5sec", null)]
    [InlineData("", null)]
    [InlineData("s", null)]
    public void Durations_are_read_as_Dapr_reads_them(string text, int? milliseconds) =>
        Assert.Equal(milliseconds, Units.Duration(text)?.TotalMilliseconds);

    [Theory]
    [InlineData("4Mi", 4 << 20)]
    [InlineData("4Ki", 4 << 10)]
    [InlineData("16M", 16_000_000)]
    [InlineData("65536", 65536)]
    [InlineData("9Gi", null)]
    [InlineData("4MB", null)]
    public void Sizes_are_read_as_Dapr_reads_them(string text, int? bytes) => Assert.Equal(bytes, Units.Size(text));

    public void Dispose() => _folder.Dispose();

    private IReadOnlyList<RunFileApp> Read(string yaml) =>
        RunFile.Read(_folder.Write("dapr.yaml", yaml), ownResources: true, _findings)?.Apps ?? [];
}
