using TestSupport;

namespace SystemTests;

/// <summary>
/// The services on real Dapr, as <c>dapr run -f .</c> would start them: with the run file's configurations, components and flags, and with
/// other ports. Components are those of <see cref="ComponentSet"/>.
/// </summary>
internal sealed class DaprdSystem : IAsyncDisposable
{
    private readonly ServicesByHand _services;
    private readonly Daprd _dapr;

    private DaprdSystem(ServicesByHand services, Daprd dapr) => (_services, _dapr) = (services, dapr);

    /// <summary>Starts services and sidecars; does not wait for them.</summary>
    public static async Task<DaprdSystem> StartAsync(TemporaryFolder folder)
    {
        var runFile = RunFileCopy.Write(folder.Location, startedElsewhere: true, components: ComponentSet.OnDaprd);
        var dapr = new Daprd(folder.Location);
        await dapr.PlacementAnswersAsync();
        foreach (var arguments in DaprdArguments.Of(runFile))
        {
            dapr.StartSidecar(arguments);
        }

        return new DaprdSystem(ServicesByHand.Start(runFile), dapr);
    }

    /// <summary>The addresses, as variables for whoever tests the system.</summary>
    public IReadOnlyDictionary<string, Uri> Addresses => new Dictionary<string, Uri>
    {
        ["ACCOUNTS_COMMAND_URL"] = _services["accounts-command"],
        ["ACCOUNTS_PROCESSOR_URL"] = _services["accounts-processor"],
        ["ACCOUNTS_QUERY_URL"] = _services["accounts-query"],
    };

    /// <summary>What the sidecars wrote.</summary>
    public string Output => _dapr.Output;

    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        await _dapr.DisposeAsync();
    }
}
