using TestSupport;

namespace SystemTests;

/// <summary>
/// The system that most tests use: the one at the addresses that were given, else one that is started for them as operators start one,
/// with tokens in both directions and with a collector for traces and metrics.
/// </summary>
public sealed class SharedSystem : IAsyncLifetime
{
    /// <summary>What the services show to their sidecars (<c>DAPR_API_TOKEN</c>), and these to them (<c>APP_API_TOKEN</c>).</summary>
    public const string TokenOfApps = "from-the-app";

    public const string TokenOfSidecars = "from-the-sidecar";

    private readonly TemporaryFolder _folder = new();
    private OwnSystem? _own;
    private OtlpReceiver? _collector;

    public AccountSystem Accounts { get; private set; } = null!;

    /// <summary>For tests that need more than the addresses.</summary>
    public (OwnSystem System, OtlpReceiver Collector) Own
    {
        get
        {
            OwnSystem.SkipUnlessOurs();
            return (_own!, _collector!);
        }
    }

    public async ValueTask InitializeAsync()
    {
        if (GivenAddresses.All is { } given)
        {
            Accounts = new AccountSystem(given.Commands, given.Processor, given.Queries);
        }
        else
        {
            _collector = await OtlpReceiver.StartAsync();
            _own = await OwnSystem.StartAsync(_folder, environment: new Dictionary<string, string?>
            {
                ["APP_API_TOKEN"] = TokenOfSidecars,
                ["DAPR_API_TOKEN"] = TokenOfApps,
                ["OTEL_EXPORTER_OTLP_ENDPOINT"] = _collector.Address.ToString(),
                ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
                ["OTEL_BSP_SCHEDULE_DELAY"] = "200",
                ["OTEL_METRIC_EXPORT_INTERVAL"] = "500",
            });
            Accounts = _own.Accounts;
        }

        // The first account pays for everything that is done once: opening the log, compiling, connecting.
        await Accounts.Alive();
    }

    public async ValueTask DisposeAsync()
    {
        if (_own is not null)
        {
            await _own.DisposeAsync();
        }
        else
        {
            Accounts?.Dispose();
        }

        if (_collector is not null)
        {
            await _collector.DisposeAsync();
        }

        _folder.Dispose();
    }
}

/// <summary>A system whose accounts stay as they were created; started for the first test that asks for it.</summary>
public sealed class SystemWithoutOnboarding : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private Task<OwnSystem>? _own;

    public async Task<AccountSystem> AccountsAsync() =>
        (await (_own ??= OwnSystem.StartAsync(_folder, environment: new Dictionary<string, string?> { ["Onboarding__Enabled"] = "false" }))).Accounts;

    public async ValueTask DisposeAsync()
    {
        if (_own is { IsCompletedSuccessfully: true })
        {
            await (await _own).DisposeAsync();
        }

        _folder.Dispose();
    }
}

/// <summary>Addresses of a running system, from the environment.</summary>
public static class GivenAddresses
{
    public static (Uri Commands, Uri Processor, Uri Queries)? All { get; } =
        (Read("ACCOUNTS_COMMAND_URL"), Read("ACCOUNTS_PROCESSOR_URL"), Read("ACCOUNTS_QUERY_URL")) switch
        {
            ({ } commands, { } processor, { } queries) => (commands, processor, queries),
            (null, null, null) => null,
            _ => throw new InvalidOperationException("Set all three of ACCOUNTS_COMMAND_URL, ACCOUNTS_PROCESSOR_URL and ACCOUNTS_QUERY_URL, or none."),
        };

    private static Uri? Read(string variable) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 } address ? new Uri(address) : null;
}
