using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.RegularExpressions;
using TestSupport;

namespace Sidecar.Tests;

/// <summary>The host as a real process with real apps, here shell scripts: it does not matter what they are written in.</summary>
public sealed partial class HostingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Says_what_is_where_and_what_for()
    {
        var file = Write($$"""
            version: 1
            apps:
              - appID: elsewhere
                appDirPath: app
                appPort: {{FreePorts.Next()}}
                env: {APP_DESCRIPTION: started by somebody else}
              - appID: portless
                appDirPath: app
                command: ["sleep", "600"]
            """);
        await using var host = await RunningHost.StartAsync(new HostStart { RunFile = file }, Token);
        var (elsewhere, portless) = (host["elsewhere"], host["portless"]);
        string[] expected =
        [
            "SERVICE    ADDRESS                 DAPR HTTP  DAPR GRPC  PROCESS  FOR",
            $"elsewhere  {elsewhere.Address!.OriginalString}  {elsewhere.DaprHttpPort}      {elsewhere.DaprGrpcPort}      none     started by somebody else",
            $"portless   no port                 {portless.DaprHttpPort}      {portless.DaprGrpcPort}      {portless.ProcessId}",
            "",
            host.Output[^2],
            "Ready. Ctrl-C stops everything.",
        ];

        Assert.Equal("Components: the resource paths of dapr.yaml", host.Output[0]);
        Assert.Equal(expected, host.Output.SkipWhile(l => !l.StartsWith("SERVICE", StringComparison.Ordinal)));
        Assert.StartsWith("Data: /", host.Output[^2], StringComparison.Ordinal);
        using var http = new HttpClient();
        foreach (var app in host.Apps.Values)
        {
            Assert.Equal(HttpStatusCode.NoContent, (await http.GetAsync(new Uri(app.DaprHttp, "/v1.0/healthz/outbound"), Token)).StatusCode);
        }
    }

    [Fact]
    public async Task Prefers_the_folder_components_local_next_to_the_run_file_and_says_so_first()
    {
        _folder.Write("components/local/store.yaml", Component("near", "state.in-memory"));
        _folder.Write("resources/store.yaml", Component("far", "state.in-memory"));
        _folder.Write("given/store.yaml", Component("given", "state.in-memory"));
        var file = Script("sleep 600", "resourcesPath: ../resources");

        await using (var host = await RunningHost.StartAsync(new HostStart { RunFile = file }, Token))
        {
            Assert.StartsWith($"Components: {_folder.At("components", "local")} ", host.Output[0], StringComparison.Ordinal);
            Assert.Equal(["near"], await ComponentsAsync(host["app"]));
        }

        await using (var host = await RunningHost.StartAsync(new HostStart { RunFile = file, Flags = ["--components", _folder.At("given")] }, Token))
        {
            Assert.Equal($"Components: {_folder.At("given")} (--components)", host.Output[0]);
            Assert.Equal(["given"], await ComponentsAsync(host["app"]));
        }

        Directory.Delete(_folder.At("components"), recursive: true);
        await using (var host = await RunningHost.StartAsync(new HostStart { RunFile = file }, Token))
        {
            Assert.Equal(["far"], await ComponentsAsync(host["app"]));
        }
    }

    [Fact]
    public async Task An_app_gets_the_hosts_environment_and_Daprs_variables_and_its_own()
    {
        var (app, http, grpc) = (FreePorts.Next(), FreePorts.Next(), FreePorts.Next());
        var file = Script("env; pwd; echo to-stderr >&2; exec sleep 600", $$"""
            appPort: {{app}}
            daprHTTPPort: {{http}}
            daprGRPCPort: {{grpc}}
            env: {OWN: mine, OVER: file}
            """);
        await using var host = RunningHost.Launch(new HostStart
        {
            RunFile = file,
            Environment = new Dictionary<string, string?> { ["FROM_HOST"] = "yes", ["OVER"] = "host" },
        });

        await host.LineAsync(l => l == "== APP - app == to-stderr", cancellation: Token);
        string[] expected =
        [
            "APP_ID=app", $"APP_PORT={app}", "APP_PROTOCOL=http", "APP_CHANNEL_ADDRESS=127.0.0.1",
            $"DAPR_HTTP_PORT={http}", $"DAPR_GRPC_PORT={grpc}", "OWN=mine", "OVER=file", "FROM_HOST=yes", _folder.At("app"),
        ];
        foreach (var line in expected)
        {
            await host.LineAsync(l => l == $"== APP - app == {line}", cancellation: Token);
        }

        await host.LineAsync(l => Regex.IsMatch(l, @"^== APP - app == DAPR_METRICS_PORT=\d+$"), cancellation: Token);
    }

    private const string IgnoredInterrupts = "The tests were started with SIGINT ignored, and so is what they start.";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task SIGTERM_and_Ctrl_C_leave_no_process(bool interrupt)
    {
        Assert.SkipWhen(interrupt && Signals.InterruptsAreIgnored, IgnoredInterrupts);

        // The child of the script is not the host's, and does not get the signal.
        var file = Script("sleep 600 & echo child $!; (setsid sleep 600 & echo child $!); exec sleep 600");
        await using var host = await RunningHost.StartAsync(new HostStart { RunFile = file }, Token);
        await host.LineAsync(_ => Children(host).Count == 2, cancellation: Token);
        int[] all = [host["app"].ProcessId!.Value, .. Children(host)];
        Assert.All(all, p => Assert.True(Signals.IsAlive(p)));

        if (interrupt)
        {
            Signals.Interrupt(host.ProcessId);
        }
        else
        {
            Signals.Terminate(host.ProcessId);
        }

        Assert.Equal(0, await host.ExitedAsync());
        Assert.DoesNotContain(all, Signals.IsAlive);
        Assert.DoesNotContain(host.Output, l => l.Contains("is killed", StringComparison.Ordinal));
        Assert.Equal("Stopped.", host.Output[^1]);
    }

    [Fact]
    public async Task An_app_that_does_not_end_is_killed_and_all_is_over_within_20_s()
    {
        var file = Script("trap '' TERM INT; echo ready; while :; do sleep 1; done");
        await using var host = await RunningHost.StartAsync(new HostStart { RunFile = file }, Token);
        await host.LineAsync(l => l.EndsWith("ready", StringComparison.Ordinal), cancellation: Token);

        Signals.Terminate(host.ProcessId);

        Assert.Equal(0, await host.ExitedAsync(TimeSpan.FromSeconds(20)));
        Assert.Contains("app has not ended within 10 s and is killed.", host.Output);
        Assert.False(Signals.IsAlive(host["app"].ProcessId!.Value));
    }

    [Fact]
    public async Task A_second_Ctrl_C_kills_at_once()
    {
        Assert.SkipWhen(Signals.InterruptsAreIgnored, IgnoredInterrupts);
        var file = Script("trap '' TERM INT; echo ready; while :; do sleep 1; done");
        await using var host = await RunningHost.StartAsync(new HostStart { RunFile = file }, Token);
        await host.LineAsync(l => l.EndsWith("ready", StringComparison.Ordinal), cancellation: Token);

        // Interrupts in quick succession count as one.
        await Eventually.True(
            () =>
            {
                Signals.Interrupt(host.ProcessId);
                return !Signals.IsAlive(host.ProcessId);
            },
            "the host has ended",
            TimeSpan.FromSeconds(7));

        Assert.Equal(0, await host.ExitedAsync());
        Assert.Contains("Killing all apps.", host.Output);
        Assert.False(Signals.IsAlive(host["app"].ProcessId!.Value));
    }

    [Fact]
    public async Task An_app_that_dies_is_reported_with_its_last_lines_and_the_others_go_on()
    {
        var file = Write("""
            version: 1
            apps:
              - appID: mortal
                appDirPath: app
                appPort: PORT
                command: ["sh", "-c", "for i in $(seq 25); do echo line $i; done; exit 3"]
              - appID: steady
                appDirPath: app
                command: ["sleep", "600"]
            """.Replace("PORT", FreePorts.Next().ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal));
        await using var host = await RunningHost.StartAsync(new HostStart { RunFile = file }, Token);

        await host.LineAsync(l => l == "mortal died with exit code 3. It is not restarted; the others go on. Its last lines:", cancellation: Token);
        await host.LineAsync(l => l == "    line 25", cancellation: Token);
        Assert.Equal(20, host.Output.Count(l => l.StartsWith("    line", StringComparison.Ordinal)));
        Assert.Matches("^mortal .* died", host.Output.Single(l => Regex.IsMatch(l, "^mortal +http")));
        Assert.True(Signals.IsAlive(host["steady"].ProcessId!.Value));

        host.KillApp("steady");
        await host.LineAsync(l => l.StartsWith("steady died with exit code 137 (signal 9).", StringComparison.Ordinal), cancellation: Token);
        Assert.True(Signals.IsAlive(host.ProcessId));
        using var http = new HttpClient();
        Assert.Equal(HttpStatusCode.NoContent, (await http.GetAsync(new Uri(host["steady"].DaprHttp, "/v1.0/healthz/outbound"), Token)).StatusCode);
    }

    [Fact]
    public async Task An_app_without_command_has_only_its_sidecar()
    {
        await using var host = await RunningHost.StartAsync(new HostStart { RunFile = Write("version: 1\napps: [{appDirPath: app}]") }, Token);

        Assert.Null(host["app"].ProcessId);
        Assert.Null(host["app"].Address);
        using var http = new HttpClient();
        Assert.Equal(HttpStatusCode.NoContent, (await http.GetAsync(new Uri(host["app"].DaprHttp, "/v1.0/healthz"), Token)).StatusCode);
    }

    [Fact]
    public async Task Further_replicas_get_free_ports_and_their_addresses_follow()
    {
        var port = FreePorts.Next();
        var file = Script("echo $ASPNETCORE_URLS $OTHER $APP_PORT $APP_ID; exec sleep 600", $$"""
            appPort: {{port}}
            daprHTTPPort: {{FreePorts.Next()}}
            env: {ASPNETCORE_URLS: "http://localhost:{{port}};http://[::1]:{{port}}/", OTHER: "http://localhost:{{port}}0"}
            """);
        await using var host = RunningHost.Launch(new HostStart { RunFile = file, Flags = ["--replicas", "app=3"] });

        var ports = new List<int>();
        foreach (var label in new[] { "app", "app#2", "app#3" })
        {
            var said = await host.LineAsync(l => l.StartsWith($"== APP - {label} == http", StringComparison.Ordinal), cancellation: Token);
            await host.LineAsync(_ => host.Apps.ContainsKey(label), cancellation: Token);
            var mine = host[label].Address!.Port;
            Assert.Equal($"== APP - {label} == http://localhost:{mine};http://[::1]:{mine}/ http://localhost:{port}0 {mine} app", said);
            ports.AddRange([mine, host[label].DaprHttpPort, host[label].DaprGrpcPort]);
        }

        Assert.Equal(port, ports[0]);
        Assert.Equal(9, ports.Distinct().Count());
    }

    [Fact]
    public async Task Data_survives_a_restart_and_fresh_deletes_only_what_the_host_made()
    {
        _folder.Write("components/local/store.yaml", Component("store", "state.sqlite", "{name: connectionString, value: state.db}"));
        var data = _folder.At("data");
        var mine = _folder.Write("data/notes.txt", "mine");
        var start = new HostStart { RunFile = Write("version: 1\napps: [{appDirPath: app}]"), DataFolder = data };
        using var http = new HttpClient();
        static Uri State(RunningHost host) => new(host["app"].DaprHttp, "/v1.0/state/store");

        await using (var host = await RunningHost.StartAsync(start, Token))
        {
            var saved = await http.PostAsJsonAsync(State(host), new[] { new { key = "k", value = "v" } }, Token);
            Assert.Equal(HttpStatusCode.NoContent, saved.StatusCode);
            await host.KillAsync();
        }

        await using (var host = await RunningHost.StartAsync(start, Token))
        {
            Assert.Equal("\"v\"", await http.GetStringAsync(State(host) + "/k", Token));
            Assert.Equal(0, await host.StopAsync());
        }

        await using (var host = await RunningHost.StartAsync(start with { Flags = ["--fresh"] }, Token))
        {
            Assert.Equal(HttpStatusCode.NoContent, (await http.GetAsync(State(host) + "/k", Token)).StatusCode);
        }

        Assert.Equal("mine", await File.ReadAllTextAsync(mine, Token));
    }

    public void Dispose() => _folder.Dispose();

    private static List<int> Children(RunningHost host) =>
        [.. host.Output.Select(l => ChildLine().Match(l)).Where(m => m.Success).Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture))];

    private static async Task<IEnumerable<string>> ComponentsAsync(RunningApp app)
    {
        using var http = new HttpClient();
        var metadata = await http.GetFromJsonAsync<System.Text.Json.Nodes.JsonObject>(new Uri(app.DaprHttp, "/v1.0/metadata"), Token);
        return metadata!["components"]!.AsArray().Select(c => c!["name"]!.GetValue<string>());
    }

    private static string Component(string name, string type, string metadata = "") =>
        $$"""
        apiVersion: dapr.io/v1alpha1
        kind: Component
        metadata: {name: {{name}}}
        spec: {type: {{type}}, version: v1, metadata: [{{metadata}}]}
        """;

    private string Write(string yaml)
    {
        Directory.CreateDirectory(_folder.At("app"));
        return _folder.Write("dapr.yaml", yaml);
    }

    private string Script(string script, string settings = "") => Write($"""
        version: 1
        apps:
          - appID: app
            appDirPath: ./app
            command: ["sh", "-c", "{script}"]
            {settings.ReplaceLineEndings("\n    ")}
        """);

    [GeneratedRegex(@"== child (\d+)$")]
    private static partial Regex ChildLine();
}
