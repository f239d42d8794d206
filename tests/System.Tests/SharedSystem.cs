using TestSupport;

namespace SystemTests;

/// <summary>The system that most tests use: the one at the addresses that were given, else one that is started for them.</summary>
public sealed class SharedSystem : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private OwnSystem? _own;

    public AccountSystem Accounts { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        if (GivenAddresses.All is { } given)
        {
            Accounts = new AccountSystem(given.Commands, given.Processor, given.Queries);
        }
        else
        {
            _own = await OwnSystem.StartAsync(_folder);
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
