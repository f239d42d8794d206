using System.Net;
using TestSupport;

namespace Sidecar.Tests;

/// <summary>Commands of the form <c>dotnet run …</c>: built first, then started as one process.</summary>
public sealed class HostingDotnetRunTests : IDisposable
{
    private const string Project = """
        <Project Sdk="Microsoft.NET.Sdk.Web">
          <PropertyGroup>
            <TargetFramework>net10.0</TargetFramework>
            <ImplicitUsings>enable</ImplicitUsings>
            <AssemblyName>Little.App</AssemblyName>
          </PropertyGroup>
        </Project>
        """;

    // On its way out, it asks its sidecar whether that still serves.
    private const string Program = """
        var app = WebApplication.CreateBuilder(args).Build();
        app.MapGet("/", () => string.Join(' ', args) + "|" + Environment.GetEnvironmentVariable("FROM_PROFILE") + "|" + Environment.ProcessPath + "|" + Environment.CommandLine + "|" + Environment.CurrentDirectory);
        app.Lifetime.ApplicationStopping.Register(() =>
        {
            using var http = new HttpClient();
            var answer = http.Send(new(HttpMethod.Get, $"http://127.0.0.1:{Environment.GetEnvironmentVariable("DAPR_HTTP_PORT")}/v1.0/healthz/outbound"));
            Console.WriteLine($"the sidecar says {(int)answer.StatusCode}");
        });
        app.Run();
        """;

    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_project_is_built_and_its_assembly_is_the_only_process()
    {
        var port = FreePorts.Next();
        _folder.Write("app/Little.csproj", Project);
        _folder.Write("app/Program.cs", Program);
        _folder.Write("app/Properties/launchSettings.json", $$"""
            { "profiles": {
                "express": { "commandName": "IISExpress" },
                "usual": { "commandName": "Project", "applicationUrl": "http://localhost:{{port}}", "environmentVariables": { "FROM_PROFILE": "profile" } }
            } }
            """);
        var file = _folder.Write("dapr.yaml", $"""
            version: 1
            apps:
              - appID: little
                appDirPath: ./app
                appPort: {port}
                command: ["dotnet", "run", "-c", "Release", "--", "--greeting", "hello world"]
            """);
        using var http = new HttpClient();

        await using (var host = await RunningHost.StartAsync(new HostStart { RunFile = file, Flags = ["--replicas", "little=2"] }, Token))
        {
            Assert.Equal("Building Little …", Assert.Single(host.Output, l => l.StartsWith("Building", StringComparison.Ordinal)));
            foreach (var label in new[] { "little", "little#2" })
            {
                var said = (await http.GetStringAsync(host[label].Address, Token)).Split('|');
                Assert.Equal(("--greeting hello world", "profile"), (said[0], said[1]));
                Assert.Equal("dotnet", Path.GetFileNameWithoutExtension(said[2]));
                Assert.StartsWith(_folder.At("app", "bin", "Release", "net10.0", "Little.App.dll"), said[3], StringComparison.Ordinal);
            }

            Assert.Equal(0, await host.StopAsync());
            Assert.Contains("== APP - little == the sidecar says 204", host.Output);
            Assert.Contains("== APP - little#2 == the sidecar says 204", host.Output);
        }

        // Built already; without the launch profile the address comes from the run file.
        await File.WriteAllTextAsync(file, $$"""
            version: 1
            apps:
              - appID: little
                appDirPath: .
                appPort: {{port}}
                command: ["dotnet", "run", "--no-build", "--project", "app/Little.csproj", "-c", "Release", "--no-launch-profile"]
                env: {ASPNETCORE_URLS: "http://localhost:{{port}}"}
            """, Token);
        await using (var host = await RunningHost.StartAsync(new HostStart { RunFile = file }, Token))
        {
            Assert.DoesNotContain(host.Output, l => l.StartsWith("Building", StringComparison.Ordinal));
            var said = (await http.GetStringAsync(host["little"].Address, Token)).Split('|');
            Assert.Equal(("", "", _folder.At("app")), (said[0], said[1], said[4]));
        }
    }

    [Fact]
    public async Task A_build_error_is_shown_and_nothing_is_started()
    {
        // A folder whose name means more than itself to the build.
        const string Odd = "it's 100% odd";
        foreach (var (folder, name) in new[] { ("app", "Little"), (Odd, "Other") })
        {
            _folder.Write($"{folder}/{name}.csproj", Project);
            _folder.Write($"{folder}/Program.cs", "Console.WriteLine(unknown);");
        }

        var file = _folder.Write("dapr.yaml", $"""
            version: 1
            apps:
              - appID: first
                appDirPath: ./app
                command: ["sleep", "600"]
              - appID: little
                appDirPath: ./app
                command: ["dotnet", "run"]
              - appID: other
                appDirPath: "./{Odd}"
                command: ["dotnet", "run"]
            """);

        await using var host = RunningHost.Launch(new HostStart { RunFile = file });

        Assert.Equal(2, await host.ExitedAsync(TimeSpan.FromSeconds(60)));
        Assert.Equal("Building Little, Other …", Assert.Single(host.Output, l => l.StartsWith("Building", StringComparison.Ordinal)));
        Assert.Contains(host.Output, l => l.Contains(Path.Combine("app", "Program.cs(1,19): error CS0103"), StringComparison.Ordinal));
        Assert.Contains(host.Output, l => l.Contains(Path.Combine(Odd, "Program.cs(1,19): error CS0103"), StringComparison.Ordinal));
        Assert.Contains(host.Output, l => l.Contains("Little.csproj, ", StringComparison.Ordinal) && l.EndsWith("Other.csproj: the build failed. Correct the errors above; nothing was started.", StringComparison.Ordinal));
        Assert.Empty(host.Apps);
    }

    [Fact]
    public async Task What_cannot_be_started_is_named_with_the_remedy()
    {
        _folder.Write("both/Both.csproj", """<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><TargetFrameworks>net10.0;net9.0</TargetFrameworks></PropertyGroup></Project>""");
        _folder.Write("odd; 1%/Library.csproj", """<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup></Project>""");
        _folder.Write("little/Little.csproj", Project);
        var file = _folder.Write("dapr.yaml", """
            version: 1
            apps:
              - {appID: both, appDirPath: both, command: [dotnet, run, --no-build]}
              - {appID: library, appDirPath: "odd; 1%", command: [dotnet, run, --no-build]}
              - {appID: little, appDirPath: little, command: [dotnet, run, --no-build]}
            """);

        await using var host = RunningHost.Launch(new HostStart { RunFile = file });

        Assert.Equal(2, await host.ExitedAsync(TimeSpan.FromSeconds(60)));
        Assert.Contains(host.Output, l => l.Contains("Both.csproj: it is made for several frameworks. Name one: [\"dotnet\", \"run\", \"--framework\"", StringComparison.Ordinal));
        Assert.Contains(host.Output, l => l.Contains("Library.csproj: the project is a Library and cannot be started.", StringComparison.Ordinal));
        Assert.Contains(host.Output, l => l.Contains("Little.App.dll' does not exist. Build the project, or leave --no-build out; nothing was started.", StringComparison.Ordinal));
        Assert.Empty(host.Apps);
    }

    public void Dispose() => _folder.Dispose();
}
