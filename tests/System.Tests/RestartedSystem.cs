using System.Diagnostics;
using TestSupport;

namespace SystemTests;

/// <summary>
/// A system in its third life: the first ended by SIGTERM and the second by kill -9, both under load. What was acknowledged and what
/// was seen on the way is remembered for the tests.
/// </summary>
public sealed class RestartedSystem : IAsyncLifetime
{
    private const int Keys = 64;

    /// <summary>The tests that use it.</summary>
    [CollectionDefinition]
    public sealed class Users : ICollectionFixture<RestartedSystem>;

    private readonly TemporaryFolder _folder = new();
    private OwnSystem? _now;

    public OwnSystem Now
    {
        get
        {
            OwnSystem.SkipUnlessOurs();
            return _now!;
        }
    }

    /// <summary>Where all three lives kept their data.</summary>
    public string Data => OwnSystem.Data(_folder);

    /// <summary>Accounts that were opened before the SIGTERM, and what clients were told who came too late.</summary>
    public IReadOnlyList<string> OpenedBeforeStop { get; private set; } = [];

    public IReadOnlyCollection<Answer> RefusedAtStop { get; private set; } = [];

    /// <summary>Accounts that were opened before the kill -9.</summary>
    public IReadOnlyList<string> OpenedBeforeKill { get; private set; } = [];

    /// <summary>The host's exit code, how long stopping took, and the processes that outlived it.</summary>
    public (int Code, TimeSpan Took, IReadOnlyList<int> Left) Stop { get; private set; }

    /// <summary>An account, and the answers to its commands with the keys <c>key-0</c>, <c>key-1</c> … in the first life.</summary>
    public string Keyed { get; private set; } = "";

    public IReadOnlyList<Answer> KeyedAnswers { get; private set; } = [];

    public static string KeyedCommand(int i) => i % 2 == 0 ? "suspend" : "activate";

    public async ValueTask InitializeAsync()
    {
        if (GivenAddresses.All is not null)
        {
            return;
        }

        await using (var system = await OwnSystem.StartAsync(_folder))
        {
            await UseKeysAsync(system.Accounts);
            var processes = system.Host.Apps.Values.Select(app => app.ProcessId!.Value).Append(system.Host.ProcessId).ToList();
            var load = await Load.StartAsync(system.Accounts, opened: 200);
            var started = Stopwatch.GetTimestamp();
            var code = await system.Host.StopAsync();
            Stop = (code, Stopwatch.GetElapsedTime(started), [.. processes.Where(Signals.IsAlive)]);
            OpenedBeforeStop = await load.EndAsync();
            RefusedAtStop = load.Refused;
        }

        // The same ports and the same data, at once.
        await using (var system = await OwnSystem.StartAsync(_folder))
        {
            var load = await Load.StartAsync(system.Accounts, opened: 200);
            await system.Host.KillAsync();
            OpenedBeforeKill = await load.EndAsync();
        }

        _now = await OwnSystem.StartAsync(_folder);
    }

    public async ValueTask DisposeAsync()
    {
        if (_now is not null)
        {
            await _now.DisposeAsync();
        }

        _folder.Dispose();
    }

    private async Task UseKeysAsync(AccountSystem accounts)
    {
        Keyed = await accounts.Alive();
        var answers = new List<Answer>();
        for (var i = 0; i < Keys; i++)
        {
            answers.Add((await accounts.Command(Keyed, KeyedCommand(i), null, ("Idempotency-Key", $"key-{i}"))).Is(200));
        }

        KeyedAnswers = answers;
    }
}
