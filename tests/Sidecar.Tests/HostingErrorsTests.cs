using System.Net;
using System.Net.Sockets;
using TestSupport;

namespace Sidecar.Tests;

public sealed class HostingErrorsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task All_errors_are_shown_at_once_and_nothing_is_started()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var taken = ((IPEndPoint)listener.LocalEndpoint).Port;
        var free = FreePorts.Next();
        Directory.CreateDirectory(_folder.At("app"));
        _folder.Write("notafolder", "");
        _folder.Write("components/local/broken.yaml", "kind: [");
        _folder.Write("components/local/cache.yaml", "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: cache}\nspec: {type: state.redis, version: v1, metadata: []}");
        _folder.Write("components/local/calm.yaml", "apiVersion: dapr.io/v1alpha1\nkind: Resiliency\nmetadata: {name: calm}\nspec: {policies: {timeouts: {t: soon}}, targets: {}}");
        var file = _folder.Write("dapr.yaml", $"""
            version: 1
            odd: 1
            apps:
              - appID: one
                appDirPath: ./app
                appPort: {taken}
                daprHTTPPort: {free}
                command: ["touch", "{_folder.At("started")}"]
              - appID: two
                appDirPath: ./app
                appPort: {free}
                command: ["no-such-program-here"]
              - appID: three
                appDirPath: ./nowhere
              - appID: four
                appDirPath: ./app
                command: ["dotnet", "run"]
            """);

        await using var host = RunningHost.Launch(new HostStart { RunFile = file, DataFolder = _folder.At("notafolder", "data"), Flags = ["--replicas", "five=2"] });

        Assert.Equal(2, await host.ExitedAsync());
        var errors = host.Output.Where(l => l.StartsWith("error: ", StringComparison.Ordinal)).ToList();
        string[] expected =
        [
            $"{file}:6: app one: port {taken} (appPort) is taken by another program. Stop that program",
            $"{file}:11: app two: port {free} is used twice; it is also daprHTTPPort of one. Give",
            $"{file}:12: app two: the program 'no-such-program-here' is not found. Install it",
            $"{file}:14: app three: the folder '{_folder.At("nowhere")}' does not exist. Correct",
            $"{file}:17: app four: the folder '{_folder.At("app")}' does not hold exactly one project. Name",
            $"{file}: --replicas: there is no app 'five'. The file has one, two, three, four.",
            $"{_folder.At("components", "local", "broken.yaml")}:2: broken.yaml: broken YAML: ",
            $"{_folder.At("components", "local", "cache.yaml")}:4: component cache: the type 'state.redis' is not supported",
            $"{_folder.At("components", "local", "calm.yaml")}:4: resiliency calm: 't' is 'soon', which is no duration",
            $"{_folder.At("notafolder", "data")}: data folder: it cannot be written: ",
        ];
        Assert.All(expected, e => Assert.Contains(errors, l => l.StartsWith("error: " + e, StringComparison.Ordinal)));
        Assert.Equal(expected.Length, errors.Count);
        Assert.Contains("10 errors; nothing was started.", host.Output);
        Assert.Contains(host.Output, l => l.StartsWith($"warning: {file}:2: dapr.yaml: 'odd' is not known", StringComparison.Ordinal));
        Assert.Empty(host.Apps);
        Assert.False(File.Exists(_folder.At("started")));
    }

    [Fact]
    public async Task A_data_folder_serves_one_host_at_a_time()
    {
        Directory.CreateDirectory(_folder.At("app"));
        var start = new HostStart { RunFile = _folder.Write("dapr.yaml", "version: 1\napps: [{appDirPath: app}]"), DataFolder = _folder.At("data") };
        await using (await RunningHost.StartAsync(start, Token))
        {
            await using var second = RunningHost.Launch(start);
            Assert.Equal(2, await second.ExitedAsync());
            Assert.Contains($"error: {_folder.At("data")}: data folder: another host uses it. Stop that host, or give this one a folder of its own with --data DIR.", second.Output);
        }

        await using var third = await RunningHost.StartAsync(start, Token);
        await third.KillAsync();
        await using var fourth = await RunningHost.StartAsync(start, Token);
    }

    [Fact]
    public async Task Components_whose_files_cannot_be_used_are_all_refused_before_anything_starts()
    {
        Directory.CreateDirectory(_folder.At("app"));
        Directory.CreateDirectory(_folder.At("data", "folder.db"));
        static string Store(string name, string metadata) =>
            $"apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {{name: {name}}}\nspec: {{type: state.sqlite, version: v1, metadata: [{metadata}]}}\n---\n";
        _folder.Write("components/local/stores.yaml", Store("first", "{name: connectionString, value: folder.db}") + Store("second", "{name: connectionString, value: ':memory:'}"));
        var file = _folder.Write("dapr.yaml", "version: 1\napps: [{appDirPath: app}]");

        await using var host = RunningHost.Launch(new HostStart { RunFile = file, DataFolder = _folder.At("data") });

        Assert.Equal(2, await host.ExitedAsync());
        Assert.Contains("2 errors; nothing was started.", host.Output);
        Assert.Contains(host.Output, l => l.StartsWith("error: ", StringComparison.Ordinal) && l.Contains("component 'first' (state.sqlite): ", StringComparison.Ordinal));
        Assert.Contains(host.Output, l => l.StartsWith("error: ", StringComparison.Ordinal) && l.Contains("component 'second' (state.sqlite): ", StringComparison.Ordinal));
        Assert.Empty(host.Apps);
    }

    [Fact]
    public async Task Fresh_deletes_nothing_when_a_component_or_a_build_keeps_the_run_from_starting()
    {
        Directory.CreateDirectory(_folder.At("app"));
        var good = "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: store}\nspec: {type: state.sqlite, version: v1, metadata: [{name: connectionString, value: states.db}]}\n";
        var store = _folder.Write("components/local/store.yaml", good);
        var file = _folder.Write("dapr.yaml", "version: 1\napps: [{appDirPath: app}]");
        var start = new HostStart { RunFile = file, DataFolder = _folder.At("data") };
        await using (await RunningHost.StartAsync(start, Token))
        {
        }

        var kept = await File.ReadAllBytesAsync(_folder.At("data", "states.db"), Token);
        var fresh = start with { Flags = ["--fresh"] };
        _folder.Write("components/local/secrets.yaml", "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: env}\nspec: {type: secretstores.local.env, version: v1}\n");
        File.WriteAllText(store, good.Replace("value: states.db", "secretKeyRef: {name: NO_SUCH_VARIABLE_HERE}", StringComparison.Ordinal) + "auth: {secretStore: env}\n");
        await RefusedAsync("1 error; nothing was started.");

        File.WriteAllText(store, good);
        _folder.Write("app/app.csproj", "<Project Sdk=\"Microsoft.NET.Sdk\"><PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup></Project>");
        _folder.Write("dapr.yaml", "version: 1\napps: [{appDirPath: app, command: [dotnet, run]}]");
        await RefusedAsync("nothing was started");

        async Task RefusedAsync(string line)
        {
            await using var host = RunningHost.Launch(fresh);
            Assert.Equal(2, await host.ExitedAsync(TimeSpan.FromMinutes(1)));
            Assert.Contains(host.Output, l => l.Contains(line, StringComparison.Ordinal));
            Assert.Equal(kept, await File.ReadAllBytesAsync(_folder.At("data", "states.db"), Token));
        }
    }

    [Fact]
    public async Task A_data_folder_that_can_be_locked_but_not_written_is_refused()
    {
        Directory.CreateDirectory(_folder.At("app"));
        Directory.CreateDirectory(_folder.At("data", ".files"));
        var file = _folder.Write("dapr.yaml", "version: 1\napps: [{appDirPath: app}]");

        await using var host = RunningHost.Launch(new HostStart { RunFile = file, DataFolder = _folder.At("data") });

        Assert.Equal(2, await host.ExitedAsync());
        Assert.Contains("1 error; nothing was started.", host.Output);
        Assert.Contains(host.Output, l => l.StartsWith($"error: {_folder.At("data")}: data folder: it cannot be written: ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("Unrecognized command or argument '--frsh'", "--frsh")]
    [InlineData("Required argument missing for option: '--components'", "--components")]
    [InlineData("--replicas: 'app' is not APP=N. Write for instance", "--replicas", "app")]
    [InlineData("--replicas: 'app=0' is not APP=N", "--replicas", "app=0")]
    [InlineData("--faults: 'http' is no port. Write for instance --faults 3500.", "--faults", "http")]
    public async Task A_wrong_flag_is_refused(string expected, params string[] flags)
    {
        await using var host = RunningHost.Launch(new HostStart { RunFile = _folder.At("dapr.yaml"), Flags = flags });

        Assert.Equal(2, await host.ExitedAsync());
        Assert.Contains(host.Output, l => l.Contains(expected, StringComparison.Ordinal));
        Assert.Contains(host.Output, l => l.StartsWith("command line: ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_port_of_the_faults_must_be_free_and_without_the_flag_nobody_listens_there()
    {
        Directory.CreateDirectory(_folder.At("app"));
        var port = FreePorts.Next();
        var file = _folder.Write("dapr.yaml", "version: 1\napps: [{appDirPath: app}]");
        var faults = new HostStart { RunFile = file, Flags = ["--faults", $"{port}"] };
        using var http = new HttpClient();
        var address = new Uri($"http://127.0.0.1:{port}/faults");

        await using (var first = await RunningHost.StartAsync(faults, Token))
        {
            Assert.Equal("[]", await http.GetStringAsync(address, Token));
            Assert.Contains($"Faults: {address} (PUT, GET, DELETE)", first.Output);
            await using var second = RunningHost.Launch(faults);
            Assert.Equal(2, await second.ExitedAsync());
            Assert.Contains($"error: {file}: --faults: port {port} is taken by another program. Stop that program, or name another port: --faults PORT.", second.Output);
        }

        await using var without = await RunningHost.StartAsync(new HostStart { RunFile = file }, Token);
        await Assert.ThrowsAsync<HttpRequestException>(() => http.GetStringAsync(address, Token));
    }

    [Fact]
    public async Task Help_lists_the_flags()
    {
        await using var host = RunningHost.Launch(new HostStart { RunFile = _folder.At("dapr.yaml"), Flags = ["--help"] });

        Assert.Equal(0, await host.ExitedAsync());
        Assert.All(["--file", "--data", "--fresh", "--components", "--replicas", "--faults"], flag => Assert.Contains(host.Output, l => l.Contains(flag, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_missing_run_file_or_component_folder_is_refused()
    {
        await using var none = RunningHost.Launch(new HostStart { RunFile = _folder.At("none.yaml") });
        Assert.Equal(2, await none.ExitedAsync());
        Assert.Contains(none.Output, l => l.Contains("none.yaml: the run file does not exist. Name another one with --file FILE.", StringComparison.Ordinal));

        Directory.CreateDirectory(_folder.At("app"));
        var file = _folder.Write("dapr.yaml", "version: 1\napps: [{appDirPath: app}]");
        await using var folder = RunningHost.Launch(new HostStart { RunFile = file, Flags = ["--components", _folder.At("gone")] });
        Assert.Equal(2, await folder.ExitedAsync());
        Assert.Contains($"error: {_folder.At("gone")}: --components: the folder does not exist. Name a folder with component files.", folder.Output);
    }

    public void Dispose() => _folder.Dispose();
}
