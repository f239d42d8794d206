using System.Diagnostics;
using System.Net.NetworkInformation;
using System.Text;
using System.Text.RegularExpressions;
using TestSupport;

namespace SystemTests;

/// <summary>Does what the README says, word for word, and compares what comes with what it shows.</summary>
public sealed partial class ReadmeTests : IDisposable
{
    private const string Host = "dotnet run --project sidecar";

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task The_commands_of_the_README_do_what_it_shows()
    {
        OwnSystem.SkipUnlessOurs();
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The README's commands are for a POSIX shell.");
        var blocks = Blocks(await File.ReadAllTextAsync(Path.Combine(Repository.Root, "README.md"), TestContext.Current.CancellationToken));
        var tries = blocks.Where(block => block.Language == "sh" && block.Text.StartsWith("curl ", StringComparison.Ordinal)).ToList();
        Assert.Contains(blocks, block => block.Language == "sh" && block.Text.Trim() == Host);
        Assert.InRange(tries.Count, 4, 8);

        await using var host = (PortsAreFree() ? await RunWordForWord() : null) ?? await RunOnOtherPorts();
        foreach (var request in tries)
        {
            var shown = blocks[blocks.IndexOf(request) + 1];
            Assert.NotEqual("sh", shown.Language);
            var reads = !request.Text.Contains(" -d ", StringComparison.Ordinal) && !request.Text.Contains("-X", StringComparison.Ordinal);
            if (reads)
            {
                await Eventually.Holds(Try);
            }
            else
            {
                await Try();
            }

            async Task Try() => Assert.Equal(Normal(shown.Text), Normal(host.FromHere(await Shell(host.ToHere(request.Text)))));
        }

        await host.StopAsync();
        Assert.True(host.IsGone(), "The host's ports are still taken.");
    }

    public void Dispose() => _folder.Dispose();

    /// <summary>Null when a port is taken after all: the system gives some of them to connections that go out.</summary>
    private async Task<RunningReadme?> RunWordForWord()
    {
        // The data of whoever runs the tests is not ours to write to: the one thing that is added.
        var process = Start($"{Host} -- --data {_folder.At("data")}");
        var running = new RunningReadme(process, []);
        if (await running.IsReadyAsync())
        {
            return running;
        }

        Assert.Contains("is taken by another program", running.Output, StringComparison.Ordinal);
        await running.DisposeAsync();
        return null;
    }

    private async Task<RunningReadme> RunOnOtherPorts()
    {
        var runFile = RunFileCopy.Write(_folder.Location);
        var process = Start($"dotnet {Repository.Assembly("Sidecar")} --file {runFile} --data {_folder.At("data")}");
        var running = new RunningReadme(process, AppPorts(Path.Combine(Repository.Root, "dapr.yaml")).Zip(AppPorts(runFile)).ToDictionary());
        Assert.True(await running.IsReadyAsync(), $"The host is not ready. It wrote:\n{running.Output}");
        return running;
    }

    private static Process Start(string command) => Process.Start(new ProcessStartInfo("bash", ["-c", "exec " + command])
    {
        WorkingDirectory = Repository.Root,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;

    private static async Task<string> Shell(string command)
    {
        using var process = Start(command);
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return output;
    }

    private static bool PortsAreFree()
    {
        var wanted = File.ReadLines(Path.Combine(Repository.Root, "dapr.yaml")).Select(line => Port().Match(line)).Where(found => found.Success).Select(found => found.Groups[2].Value).ToHashSet();
        return !IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners().Any(listener => wanted.Contains(listener.Port.ToString(System.Globalization.CultureInfo.InvariantCulture)));
    }

    private static IEnumerable<string> AppPorts(string runFile) =>
        File.ReadLines(runFile).Select(line => Port().Match(line)).Where(found => found.Success && found.Groups[1].Value == "appPort").Select(found => found.Groups[2].Value);

    private static List<Block> Blocks(string text) => [.. Fence().Matches(text).Select(found => new Block(found.Groups[1].Value, found.Groups[2].Value))];

    // What is new with every account and every answer.
    private static string Normal(string text)
    {
        var normal = text.ReplaceLineEndings("\n").Trim();
        normal = Date().Replace(normal, "Date: then");
        normal = Length().Replace(normal, "Content-Length: n");
        normal = Time().Replace(normal, "1");
        normal = Id().Replace(normal, "\"id\"");
        normal = Correlation().Replace(normal, "X-Correlation-Id: id");
        return Position().Replace(normal, "Account-Position: 0:1");
    }

    [GeneratedRegex("^```(\\w*)\n([\\s\\S]*?)^```$", RegexOptions.Multiline)]
    private static partial Regex Fence();

    [GeneratedRegex(@"^\s*(appPort|daprHTTPPort|daprGRPCPort): ""?(\d+)""?$")]
    private static partial Regex Port();

    [GeneratedRegex("^Date: .*$", RegexOptions.Multiline)]
    private static partial Regex Date();

    // The body names ports, which are longer on some machines.
    [GeneratedRegex("^Content-Length: \\d+$", RegexOptions.Multiline)]
    private static partial Regex Length();

    [GeneratedRegex(@"\b\d{13}\b")]
    private static partial Regex Time();

    [GeneratedRegex("\"[0-9a-f]{32}(-\\d+-\\d+-\\d+)?\"")]
    private static partial Regex Id();

    [GeneratedRegex(@"X-Correlation-Id: [0-9a-f]{32}")]
    private static partial Regex Correlation();

    [GeneratedRegex(@"Account-Position: \d+:\d+")]
    private static partial Regex Position();

    private sealed record Block(string Language, string Text);

    /// <summary>The host, and how to write the README's ports so that they are its own.</summary>
    private sealed class RunningReadme : IAsyncDisposable
    {
        private readonly Process _process;
        private readonly Dictionary<string, string> _ports;
        private readonly StringBuilder _output = new();
        private readonly TaskCompletionSource _ready = new();

        public RunningReadme(Process process, Dictionary<string, string> ports)
        {
            (_process, _ports) = (process, ports);
            _process.OutputDataReceived += (_, line) => Received(line.Data);
            _process.ErrorDataReceived += (_, line) => Received(line.Data);
            _process.BeginOutputReadLine();
            _process.BeginErrorReadLine();
        }

        public string Output
        {
            get
            {
                lock (_output)
                {
                    return _output.ToString();
                }
            }
        }

        public async Task<bool> IsReadyAsync() =>
            await Task.WhenAny(_ready.Task, _process.WaitForExitAsync(), Task.Delay(TimeSpan.FromMinutes(3))) == _ready.Task;

        public string ToHere(string text) => _ports.Aggregate(text, (changed, port) => changed.Replace($"localhost:{port.Key}", $"localhost:{port.Value}", StringComparison.Ordinal));

        public string FromHere(string text) => _ports.Aggregate(text, (changed, port) => changed.Replace($"localhost:{port.Value}", $"localhost:{port.Key}", StringComparison.Ordinal));

        public bool IsGone() => _ports.Count > 0 || PortsAreFree();

        /// <summary>As Ctrl-C does, but to the first process only: it has to pass it on.</summary>
        public async Task StopAsync()
        {
            Signals.Terminate(_process.Id);
            await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(20));
        }

        public async ValueTask DisposeAsync()
        {
            if (!_process.HasExited)
            {
                Signals.Terminate(_process.Id);
                await Task.WhenAny(_process.WaitForExitAsync(), Task.Delay(TimeSpan.FromSeconds(20)));
                _process.Kill(entireProcessTree: true);
            }

            _process.Dispose();
        }

        private void Received(string? line)
        {
            lock (_output)
            {
                _output.AppendLine(line);
            }

            if (line?.StartsWith("Ready", StringComparison.Ordinal) == true)
            {
                _ready.TrySetResult();
            }
        }
    }
}
