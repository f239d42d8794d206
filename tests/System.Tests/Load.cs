using System.Collections.Concurrent;
using System.Diagnostics;
using TestSupport;

namespace SystemTests;

/// <summary>Clients that open one account after the other until the system is gone, and remember what was acknowledged.</summary>
internal sealed class Load
{
    private const int Clients = 8;

    // Every account that is opened is looked at afterwards: some hundred are enough to be caught in the middle of.
    private static readonly TimeSpan Rest = TimeSpan.FromMilliseconds(20);
    private readonly ConcurrentQueue<string> _acknowledged = new();
    private readonly ConcurrentQueue<Answer> _refused = new();
    private readonly Task _clients;
    private volatile bool _ended;

    private Load(AccountSystem accounts) => _clients = Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => RunAsync(accounts)));

    /// <summary>What was answered otherwise than by 201.</summary>
    public IReadOnlyCollection<Answer> Refused => _refused;

    /// <summary>Starts the clients and waits until so many accounts are open.</summary>
    public static async Task<Load> StartAsync(AccountSystem accounts, int opened)
    {
        var load = new Load(accounts);
        await Eventually.True(() => load._acknowledged.Count >= opened, $"{opened} accounts are open");
        return load;
    }

    /// <summary>Ends the clients and gives the numbers of the accounts that were acknowledged.</summary>
    public async Task<IReadOnlyList<string>> EndAsync()
    {
        _ended = true;
        await _clients;
        return [.. _acknowledged];
    }

    /// <summary>Every one of them is in the log, and comes alive in the views just once.</summary>
    public static async Task AllAreThere(AccountSystem accounts, IReadOnlyList<string> numbers)
    {
        var started = Stopwatch.StartNew();
        await Parallel.ForEachAsync(numbers, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (number, _) =>
        {
            (await accounts.Ask(HttpMethod.Get, new Uri(accounts.Commands, $"/v1/accounts/{number}/commands"))).Is(200);
            Assert.Equal(3, (await accounts.Shown(number, 3, TimeSpan.FromSeconds(30))).Version);
            var events = await Eventually.Gives(async () =>
            {
                var all = await accounts.Events(number);
                Assert.Equal(3, all.Count);
                return all;
            });
            Assert.Equal([1, 2, 3], events.Select(e => e.GetProperty("version").GetInt32()));
        });
        Assert.InRange(started.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(60));
    }

    private async Task RunAsync(AccountSystem accounts)
    {
        while (!_ended)
        {
            var number = AccountSystem.NewNumber();
            try
            {
                var answer = await accounts.Create(number);
                if (answer.Status == 201)
                {
                    _acknowledged.Enqueue(number);
                }
                else
                {
                    _refused.Enqueue(answer);
                }
            }
            catch (Exception e) when (e is HttpRequestException or IOException)
            {
                // Nobody is there any more, and nobody has promised anything.
            }

            await Task.Delay(Rest);
        }
    }
}
