using TestSupport;

namespace SystemTests;

/// <summary>A system that a test starts for itself, because it kills, pauses or restarts parts of it.</summary>
public sealed class OwnSystem : IAsyncDisposable
{
    private OwnSystem(RunningHost host)
    {
        Host = host;
        Accounts = new AccountSystem(Address("accounts-command"), Address("accounts-processor"), Address("accounts-query"));
    }

    public RunningHost Host { get; }

    public AccountSystem Accounts { get; }

    /// <summary>Where an app listens, by its label.</summary>
    public Uri Address(string label) => Host[label].Address!;

    /// <summary>
    /// Starts the repository's run file on free ports, and waits until every service is ready. The folder keeps the run
    /// file and the data: started again with the same folder, the system has the same addresses and the same accounts.
    /// </summary>
    public static async Task<OwnSystem> StartAsync(TemporaryFolder folder, IReadOnlyList<string>? flags = null, IReadOnlyDictionary<string, string?>? environment = null)
    {
        SkipUnlessOurs();
        var runFile = folder.At("dapr.yaml");
        if (!File.Exists(runFile))
        {
            RunFileCopy.Write(folder.Location);
        }

        var start = new HostStart { RunFile = runFile, DataFolder = Data(folder), Flags = flags ?? [], Environment = environment ?? new Dictionary<string, string?>() };
        var system = new OwnSystem(await RunningHost.StartAsync(start, TestContext.Current.CancellationToken));
        try
        {
            await system.Accounts.Ready();
            return system;
        }
        catch (Exception fault)
        {
            var output = string.Join('\n', system.Host.Output.TakeLast(40));
            await system.DisposeAsync();
            throw new InvalidOperationException($"{fault.Message} The host wrote at last:\n{output}", fault);
        }
    }

    /// <summary>Where the system keeps its data.</summary>
    public static string Data(TemporaryFolder folder) => folder.At("data");

    /// <summary>For tests that need processes of their own.</summary>
    public static void SkipUnlessOurs() =>
        Assert.SkipWhen(GivenAddresses.All is not null, "Addresses were given, and this test has to start and stop processes of its own.");

    public async ValueTask DisposeAsync()
    {
        Accounts.Dispose();
        await Host.DisposeAsync();
    }
}
