using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;

namespace SystemTests;

/// <summary>One answer that a client got from a replica, or none (status 0); when it was asked, by <see cref="CommandLoad.Lasts"/>.</summary>
internal sealed record Attempt(int Replica, TimeSpan Asked, TimeSpan Took, int Status, string Text, bool SaysWhenToRetry);

/// <summary>
/// Clients of several replicas, as behind a load balancer: each has a replica of its own, an account of its own that it
/// suspends and activates in turn, and a share in a few accounts that all change. Every command has a key and is sent until
/// its outcome is known, so that in the end it is known what the log must hold, and that it holds nothing else.
/// </summary>
internal sealed class CommandLoad : IAsyncDisposable
{
    private const int SharedAccounts = 4;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    // Longer than any outage of a test, so that a replica that stays away is a failure and no endless run.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly HttpClient _http = new(new SocketsHttpHandler { PooledConnectionIdleTimeout = TimeSpan.FromSeconds(1) }) { Timeout = TimeSpan.FromSeconds(10) };
    private readonly Replica[] _replicas;
    private readonly ConcurrentDictionary<string, bool> _acknowledged;
    private readonly ConcurrentDictionary<string, long> _versions = new();
    private readonly ConcurrentQueue<Attempt> _attempts = new();
    private readonly ConcurrentQueue<string> _surprises = new();
    private readonly string[] _shared = [.. Enumerable.Range(0, SharedAccounts).Select(_ => AccountSystem.NewNumber())];
    private readonly long[] _done;
    private readonly long _began = Stopwatch.GetTimestamp();
    private Task _clients = Task.CompletedTask;
    private volatile bool _ended;

    private readonly TimeSpan _between;

    private CommandLoad(IEnumerable<Uri> replicas, ConcurrentDictionary<string, bool> acknowledged, TimeSpan between)
    {
        _between = between;
        _replicas = [.. replicas.Select(r => new Replica(r))];
        _acknowledged = acknowledged;
        _done = new long[_replicas.Length];
    }

    /// <summary>How long it lasts so far.</summary>
    public TimeSpan Lasts => Stopwatch.GetElapsedTime(_began);

    /// <summary>Everything so far that a living replica answered, or failed to.</summary>
    public IReadOnlyCollection<Attempt> Attempts => _attempts;

    /// <summary>What no client may ever see: an account that is not as its only client left it.</summary>
    public IReadOnlyCollection<string> Surprises => _surprises;

    /// <summary>Starts the clients.</summary>
    /// <param name="replicas">Where the replicas listen.</param>
    /// <param name="clients">How many clients each of them has.</param>
    /// <param name="acknowledged">Gets a line for every event that was acknowledged, as the log's verifier reads them.</param>
    /// <param name="between">How long a client waits between two commands.</param>
    public static async Task<CommandLoad> StartAsync(
        IEnumerable<Uri> replicas, int clients, ConcurrentDictionary<string, bool> acknowledged, TimeSpan between)
    {
        var load = new CommandLoad(replicas, acknowledged, between);
        await Task.WhenAll(load._shared.Select((number, i) => load.OpenAsync(i % load._replicas.Length, number, shared: true)));

        // All accounts are open before anybody counts: whoever opens one does not rest.
        var own = Enumerable.Range(0, clients * load._replicas.Length).Select(_ => AccountSystem.NewNumber()).ToList();
        await Task.WhenAll(own.Select((number, i) => load.OpenAsync(i % load._replicas.Length, number, shared: false)));
        load._clients = Task.WhenAll(own.Select((number, i) => Task.Run(() => load.ClientAsync(i % load._replicas.Length, number))));
        return load;
    }

    /// <summary>The last version of every account that was acknowledged; when all has ended, the account's last.</summary>
    public IReadOnlyDictionary<string, long> Versions => _versions;

    /// <summary>The accounts that all clients change; the others follow <see cref="EventAt"/>.</summary>
    public IReadOnlyCollection<string> Shared => _shared;

    /// <summary>The event that makes this version of a client's own account.</summary>
    public static string EventAt(long version) => version switch
    {
        1 => "ACCOUNT_CREATED",
        2 => "ACCOUNT_CONFIRMED",
        _ when version % 2 == 1 => "ACCOUNT_ACTIVATED",
        _ => "ACCOUNT_SUSPENDED",
    };

    /// <summary>Commands whose outcome has become known so far, by the replica that their client calls its own.</summary>
    public IReadOnlyList<long> Done => [.. _done.Select((_, i) => Interlocked.Read(ref _done[i]))];

    /// <summary>Measures how many outcomes become known per second.</summary>
    public async Task<double> RateAsync(TimeSpan during)
    {
        var (before, started) = (Done.Sum(), Stopwatch.GetTimestamp());
        await Task.WhenAny(_clients, Task.Delay(during));
        return (Done.Sum() - before) / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    /// <summary>Waits until so many outcomes become known per second, and gives how long that took.</summary>
    public async Task<TimeSpan> ReachedAsync(double rate, TimeSpan within)
    {
        var started = Stopwatch.GetTimestamp();
        for (var best = 0.0; ;)
        {
            var now = await RateAsync(TimeSpan.FromSeconds(0.5));
            if (now >= rate)
            {
                return Stopwatch.GetElapsedTime(started);
            }

            best = Math.Max(best, now);
            Assert.True(Stopwatch.GetElapsedTime(started) < within, $"After {within.TotalSeconds} s there are {best:0} commands/s at best, and not {rate:0}.");
        }
    }

    /// <summary>The replica ends or halts: it gets no more requests, and those under way are sent to others.</summary>
    public void Leave(int replica, Action end, bool takesItsTime = false)
    {
        _replicas[replica].Up = false;
        end();
        if (!takesItsTime)
        {
            _replicas[replica].Gone.Cancel();
        }
    }

    /// <summary>The replica is there again.</summary>
    public void Return(int replica) => _replicas[replica] = new Replica(_replicas[replica].Address);

    /// <summary>Lets every client finish its command.</summary>
    public async Task EndAsync()
    {
        _ended = true;
        await _clients.WaitAsync(TimeSpan.FromSeconds(20));
    }

    public async ValueTask DisposeAsync()
    {
        _ended = true;
        await Task.WhenAny(_clients, Task.Delay(TimeSpan.FromSeconds(20)));
        _http.Dispose();
    }

    private async Task ClientAsync(int home, string number)
    {
        var version = 3L;
        for (var i = 0; !_ended; i++)
        {
            await Task.Delay(_between);
            if (i % 8 == 7)
            {
                await ChangeSharedAsync(home);
                continue;
            }

            var next = await SendAsync(home, $"/v1/accounts/{number}/commands/{(version % 2 == 1 ? "suspend" : "activate")}", null, null);
            Remember(number, next, withPosition: true);
            if (next.Version != ++version)
            {
                _surprises.Enqueue($"{number} is to be at version {version}, and the answer is {next.Status} {next.Text}");
                return;
            }
        }
    }

    private async Task OpenAsync(int home, string number, bool shared)
    {
        Remember(number, await SendAsync(home, "/v1/accounts", AccountSystem.Opening(number), null), !shared);
        Remember(number, await SendAsync(home, $"/v1/accounts/{number}/commands/confirm", null, null), !shared);
        Remember(number, await SendAsync(home, $"/v1/accounts/{number}/commands/activate", null, null), !shared);
    }

    private async Task ChangeSharedAsync(int home)
    {
        var number = _shared[Random.Shared.Next(SharedAccounts)];
        var expected = Random.Shared.Next(2) == 0 ? $"\"{_versions[number]}\"" : null;
        Remember(number, await SendAsync(home, $"/v1/accounts/{number}/commands/{(Random.Shared.Next(2) == 0 ? "suspend" : "activate")}", null, expected), withPosition: false);
    }

    private void Remember(string number, Known known, bool withPosition)
    {
        if (known.Status is 200 or 201)
        {
            _versions.AddOrUpdate(number, known.Version, (_, before) => Math.Max(before, known.Version));
            _acknowledged[withPosition ? $"{number} {known.Version} {known.Position}" : $"{number} {known.Version}"] = true;
        }
    }

    private async Task<Known> SendAsync(int home, string path, string? body, string? expected)
    {
        var (key, began) = (Guid.NewGuid().ToString("N"), Stopwatch.GetTimestamp());
        while (true)
        {
            // The client's own replica if it is up, else another one.
            var at = Enumerable.Range(home, _replicas.Length).Select(i => i % _replicas.Length).OrderByDescending(i => _replicas[i].Up).First();
            if (await TryAsync(at, path, body, key, expected) is { } known)
            {
                Interlocked.Increment(ref _done[home]);
                return known;
            }

            if (Stopwatch.GetElapsedTime(began) > Patience)
            {
                throw new TimeoutException($"For {Patience.TotalSeconds} s nobody knew what became of {path}; at last: {_attempts.LastOrDefault()}");
            }

            await Task.Delay(Pause);
        }
    }

    private async Task<Known?> TryAsync(int at, string path, string? body, string key, string? expected)
    {
        var replica = _replicas[at];
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(replica.Address, path));
        request.Headers.TryAddWithoutValidation("Idempotency-Key", key);
        if (expected is not null)
        {
            request.Headers.TryAddWithoutValidation("If-Match", expected);
        }

        request.Content = body is null ? null : new StringContent(body, Encoding.UTF8, MediaTypeHeaderValue.Parse("application/json"));
        var asked = Lasts;
        try
        {
            using var response = await _http.SendAsync(request, replica.Gone.Token);
            var text = await response.Content.ReadAsStringAsync(replica.Gone.Token);
            var status = (int)response.StatusCode;
            Met(replica, new Attempt(at, asked, Lasts - asked, status, text, response.Headers.RetryAfter is not null));
            return status == 503 ? null : new Known(
                status,
                response.Headers.ETag is { } tag ? long.Parse(tag.Tag.Trim('"'), CultureInfo.InvariantCulture) : 0,
                response.Headers.TryGetValues("Account-Position", out var position) ? position.First() : "",
                text);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            if (replica.Up)
            {
                Met(replica, new Attempt(at, asked, Lasts - asked, 0, e.Message, false));
            }

            return null;
        }
    }

    private void Met(Replica replica, Attempt attempt)
    {
        // How long a replica takes that halts or ends is nobody's complaint; what it says is.
        _attempts.Enqueue(replica.Up ? attempt : attempt with { Took = TimeSpan.Zero });
    }

    private sealed record Known(int Status, long Version, string Position, string Text);

    private sealed class Replica(Uri address)
    {
        public Uri Address { get; } = address;

        public volatile bool Up = true;

        public CancellationTokenSource Gone { get; } = new();
    }
}
