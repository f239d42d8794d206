using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Accounts.LogVerifier;

/// <summary>An embedded sidecar over the data of a stopped system, as a process of its own.</summary>
internal sealed partial class SidecarForData : IAsyncDisposable
{
    private readonly Process _process;

    private SidecarForData(Process process, Uri address) => (_process, Address) = (process, address);

    public Uri Address { get; }

    /// <exception cref="IOException">It does not start; the message says what it wrote.</exception>
    public static async Task<SidecarForData> StartAsync(string data, string? components, CancellationToken cancellation)
    {
        // As the build lays them out: one folder beside the other.
        var here = new DirectoryInfo(AppContext.BaseDirectory);
        var program = Path.Combine(here.Parent!.Parent!.FullName, "Sidecar", here.Name, "Sidecar.dll");
        var runFile = Path.Combine(here.Parent.Parent.Parent!.Parent!.FullName, "tools", "Accounts.LogVerifier", "dapr.yaml");
        var info = new ProcessStartInfo("dotnet", [program, "--file", runFile, "--data", Path.GetFullPath(data), .. components is null ? Array.Empty<string>() : ["--components", components]])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var process = Process.Start(info)!;
        var wrong = process.StandardError.ReadToEndAsync(CancellationToken.None);
        int? port = null;
        while (await process.StandardOutput.ReadLineAsync(cancellation) is { } line)
        {
            if (Started().Match(line) is { Success: true } started)
            {
                port = int.Parse(started.Groups[1].Value, CultureInfo.InvariantCulture);
                break;
            }
        }

        if (port is null)
        {
            var message = await wrong;
            process.Dispose();
            throw new IOException($"No sidecar could be started for '{data}': {message.Trim()}");
        }

        // What it writes from now on is of no interest, but must go somewhere.
        _ = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        return new SidecarForData(process, new Uri($"http://127.0.0.1:{port}"));
    }

    public async ValueTask DisposeAsync()
    {
        // Nothing was written, so there is nothing that it would have to bring to an end.
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    [GeneratedRegex(@"^Started .* Dapr gRPC (\d+)$")]
    private static partial Regex Started();
}
