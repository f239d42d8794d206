using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Net;
using System.Text.Json;
using Accounts.Contracts;
using TestSupport;

namespace Accounts.Query.Tests;

/// <summary>Event streams, of rows that the tests write.</summary>
public class StreamTests(QuerySidecar sidecar) : IClassFixture<QuerySidecar>, IAsyncLifetime
{
    private const int Partitions = 3;
    private readonly SeededViews _views = new(sidecar, new Dictionary<string, string> { ["Streams:HeartbeatSeconds"] = "0.5" });
    private readonly long[] _positions = new long[Partitions];
    private readonly Dictionary<string, long> _versions = [];
    private ViewPointer _at = new("0123456789abcdef0123456789abcdef", Guid.NewGuid().ToString("N"));

    public async ValueTask InitializeAsync()
    {
        await _views.Forget();
        await _views.Write(Seed.Checkpoints(_at, 0, 0, 0));
        await _views.Write(RowKeys.PointerTo(Views.History), _at);
    }

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return _views.DisposeAsync();
    }

    [Fact]
    public async Task A_stream_begins_with_what_happens_next_and_goes_on_after_the_last_id()
    {
        await Happen(0, "A", "B", "A");

        using var stream = await Open("/v1/accounts/A/stream");
        using var whole = await Open("/v1/accounts/A/stream", "0");
        await Happen(0, "B", "A");
        await Happen(0, "A", "A");

        var live = await stream.TakeAsync(3);
        Assert.Equal(["3", "4", "5"], live.Select(happened => happened.Id));
        Assert.All(live, happened => Assert.Equal("ACCOUNT_SUSPENDED", happened.Name));
        Assert.Equal(
            (await Json("/v1/accounts/A/events?after=2")).GetProperty("items").EnumerateArray().Select(item => item.GetRawText()),
            live.Select(happened => happened.Data));
        Assert.Equal(["1", "2", "3", "4", "5"], (await whole.TakeAsync(5)).Select(happened => happened.Id));
        using var resumed = await Open("/v1/accounts/A/stream", live[0].Id);
        Assert.Equal(["4", "5"], (await resumed.TakeAsync(2)).Select(happened => happened.Id));
        using var after = await Open("/v1/accounts/A/stream?after=4");
        Assert.Equal(["5"], (await after.TakeAsync(1)).Select(happened => happened.Id));
    }

    [Fact]
    public async Task A_users_stream_has_the_events_of_all_accounts_of_the_user_and_of_nobody_else()
    {
        await Happen(0, "BEFORE");
        using var stream = await Open("/v1/accounts/stream?userId=7");
        await Happen(0, "A", "OTHER-1", "A");
        await Happen(1, "B", "OTHER-2");
        await Happen(2);
        await Happen(2, "C");

        var events = await stream.TakeAsync(4);

        Assert.Equal(["A.1", "A.2", "B.1", "C.1"], events.Select(Name).Order());
        using var again = await Open("/v1/accounts/stream?userId=7", events[1].Id);
        Assert.Equal(events.Skip(2).Select(Name).Order(), (await again.TakeAsync(2)).Select(Name).Order());
        using var all = await Open($"/v1/accounts/stream?userId=7&after={(await Json("/v1/events?limit=1")).GetProperty("next").GetString()}");
        Assert.Equal(["A.1", "A.2", "B.1", "C.1"], (await all.TakeAsync(4)).Select(Name).Order());
    }

    [Fact]
    public async Task A_client_that_is_cut_off_again_and_again_gets_every_event_once()
    {
        const int Events = 300;
        using var first = await Open("/v1/accounts/stream?userId=7");
        await Happen(0, "A");
        var begin = (await first.TakeAsync(1))[0].Id;
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));

        var writing = Task.Run(async () =>
        {
            for (var i = 0; i < Events / 3; i++)
            {
                await Happen(i % Partitions, [.. Enumerable.Range(0, 3).Select(n => $"A-{(i % Partitions) + (Partitions * n)}"), "OTHER"]);
            }
        }, Stop);
        var random = new Random(7);
        var (seen, cuts) = (new List<string>(), 0);
        for (var last = begin; seen.Count < Events; cuts++)
        {
            using var stream = await Open("/v1/accounts/stream?userId=7", last);
            for (var count = random.Next(25); count >= 0 && seen.Count < Events; count--)
            {
                var happened = (await stream.NextAsync(patience.Token))!;
                seen.Add(Name(happened));
                last = happened.Id;
            }
        }

        await writing;
        Assert.InRange(cuts, 10, 300);
        Assert.Equal(Events, seen.Distinct().Count());
        foreach (var account in seen.Select(name => name.Split('.')).GroupBy(parts => parts[0]))
        {
            Assert.Equal(Enumerable.Range(1, account.Count()), account.Select(parts => int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture)));
        }
    }

    [Theory]
    [InlineData("/v1/accounts/A/stream")]
    [InlineData("/v1/accounts/stream?userId=7")]
    public async Task A_client_that_does_not_read_for_a_while_misses_nothing_and_holds_up_nobody(string path)
    {
        // More at once than may wait for a stream, so that each loses its subscription again and again.
        const int Together = 600;
        const int Events = 4 * Together;
        await Happen(0, "A");
        using var slow = await Open(path);
        using var quick = await Open(path);
        for (var i = 0; i < Events / Together; i++)
        {
            await Happen(0, [.. Enumerable.Repeat("A", Together)]);
            await quick.TakeAsync(Together);
        }

        var expected = Enumerable.Range(2, Events).Select(version => $"A.{version}");
        Assert.Equal(expected, (await slow.TakeAsync(Events)).Select(Name));
    }

    [Fact]
    public async Task A_quiet_stream_says_that_it_is_alive_and_where_it_is()
    {
        using var stream = await Open("/v1/accounts/stream?userId=7");
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var next = stream.NextAsync(patience.Token);
        await Eventually.True(() => (stream.LastId, stream.Retry) == ("01234567-0.0.0", "2000"), "the stream says where it begins");
        for (var i = 0; i < 20; i++)
        {
            await Happen(1, "OTHER");
        }

        await Eventually.True(() => stream.Comments >= 2 && stream.LastId == "01234567-0.20.0", "the id goes on without events");
        await Happen(1, "A");
        Assert.Equal("01234567-0.21.0", (await next)!.Id);
    }

    [Fact]
    public async Task A_stream_ends_whole_when_the_service_stops()
    {
        await Happen(0, "A");
        using var stream = await Open("/v1/accounts/A/stream");
        using var users = await Open("/v1/accounts/stream?userId=7");

        var begun = TimeProvider.System.GetTimestamp();
        await _views.DisposeAsync();

        Assert.Null(await stream.NextAsync(Stop));
        Assert.Null(await users.NextAsync(Stop));
        Assert.InRange(TimeProvider.System.GetElapsedTime(begun), TimeSpan.Zero, TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task Events_that_the_view_holds_back_come_when_it_has_taken_them_and_before_those_behind_them()
    {
        await Happen(0, "A", "A");
        await _views.Write([Seed.Held(_at, Views.History, "A", 3)]);
        await _views.Write([.. Enumerable.Range(3, 3).Select(version => Seed.Record(_at, 0, ++_positions[0], Bare(version)))]);
        using var resumed = await Open("/v1/accounts/A/stream", "2");
        using var quiet = await Open("/v1/accounts/A/stream", "2");
        var events = resumed.TakeAsync(4);
        var first = quiet.NextAsync(Stop);
        await Eventually.True(() => quiet.Comments >= 2 && quiet.LastId == "2", "the stream waits for what is held");

        // The next event passes by while the others are held.
        await _views.Write([Seed.Record(_at, 0, ++_positions[0], Bare(6))]);
        var comments = quiet.Comments;
        await Eventually.True(() => quiet.Comments > comments + 1, "it has passed by");
        Assert.False(first.IsCompleted);
        await _views.Write([
            .. Enumerable.Range(3, 4).Select(version => Seed.Event(_at, "A", version)), Seed.Held(_at, Views.History, "A", 3, HeldStates.Released)]);

        Assert.Equal("3", (await first)!.Id);
        Assert.Equal(["3", "4", "5", "6"], (await events).Select(happened => happened.Id));
        Assert.All(await events, happened => Assert.True(JsonElement.Parse(happened.Data).TryGetProperty("account", out _)));

        static AccountEventBody Bare(int version) => Seed.Item("A", version) with { Account = null };
    }

    [Theory]
    [InlineData("")]
    [InlineData("&after=01234567-0.0.0")]
    public async Task A_users_stream_of_a_feed_that_cannot_be_read_is_refused_or_says_that_it_is_alive(string after)
    {
        await BreakFeed(_views);
        if (after.Length > 0)
        {
            using var stream = await Open($"/v1/accounts/stream?userId=7{after}");
            _ = stream.NextAsync(Stop);
            await Eventually.True(() => stream.Comments >= 2, "it is alive");
        }
        else
        {
            var refused = await Assert.ThrowsAsync<HttpRequestException>(() => Open("/v1/accounts/stream?userId=7").WaitAsync(TimeSpan.FromSeconds(10), Stop));
            Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        }
    }

    [Fact]
    public async Task A_stream_that_has_not_begun_when_the_service_stops_is_refused_and_no_fault()
    {
        await using var patient = new SeededViews(sidecar, new Dictionary<string, string> { ["Streams:HeartbeatSeconds"] = "60" });
        await BreakFeed(patient);
        using var open = new OpenStreamsMeter();
        // The factory's own client would give up with it.
        using var client = new HttpClient { BaseAddress = patient.Client.BaseAddress };
        var waiting = client.GetAsync("/v1/accounts/stream?userId=7", HttpCompletionOption.ResponseHeadersRead, Stop);
        await Eventually.True(() => open.Count == 1, "the stream is open");

        await patient.DisposeAsync();

        using var answer = await waiting;
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
    }

    [Fact]
    public async Task Streams_go_on_when_the_view_is_read_from_another_generation()
    {
        await Happen(0, "A");
        using var stream = await Open("/v1/accounts/A/stream");
        using var users = await Open("/v1/accounts/stream?userId=7");
        await Happen(0, "A");
        var id = (await users.TakeAsync(1))[0].Id;

        // As a rebuild leaves it: the same rows, and then some.
        var old = _at;
        _at = _at with { Generation = Guid.NewGuid().ToString("N") };
        await _views.Write(Seed.Checkpoints(_at, 2, 0, 0));
        await _views.Write([Seed.Event(_at, "A", 1), Seed.Event(_at, "A", 2), Seed.Record(_at, 0, 1, Seed.Item("A", 1)), Seed.Record(_at, 0, 2, Seed.Item("A", 2))]);
        await Happen(0, "A");
        await _views.Write(RowKeys.PointerTo(Views.History), _at);

        Assert.Equal(["A.2", "A.3"], (await stream.TakeAsync(2)).Select(Name));
        Assert.Equal(["A.3"], (await users.TakeAsync(1)).Select(Name));
        using var resumed = await Open("/v1/accounts/stream?userId=7", id);
        Assert.Equal(["A.3"], (await resumed.TakeAsync(1)).Select(Name));
        Assert.NotEqual(old, _at);
    }

    [Fact]
    public async Task Of_1000_streams_on_one_replica_each_gets_what_is_its_own_and_another_replica_has_it_too()
    {
        const int Accounts = 20;
        await Happen(0, [.. Enumerable.Range(0, Accounts).Select(i => $"A-{i}")]);
        await using var other = new SeededViews(sidecar);
        using var open = new OpenStreamsMeter();
        var streams = new ConcurrentBag<(EventStreamReader Stream, string? Account)>();
        await Parallel.ForEachAsync(Enumerable.Range(0, 1_000), new ParallelOptions { MaxDegreeOfParallelism = 50 }, async (i, _) =>
        {
            var account = i % 2 == 0 ? $"A-{i / 2 % Accounts}" : null;
            streams.Add((await Open(account is null ? "/v1/accounts/stream?userId=7" : $"/v1/accounts/{account}/stream"), account));
        });
        using var elsewhere = await EventStreamReader.OpenAsync(other.Client, "/v1/accounts/stream?userId=7", null, Stop);
        Assert.Equal(1_001, open.Count);

        await Happen(1, [.. Enumerable.Range(0, Accounts).Select(i => $"A-{i}")]);

        var all = Enumerable.Range(0, Accounts).Select(i => $"A-{i}.2").ToList();
        await Task.WhenAll(streams.Select(async stream =>
            Assert.Equal(stream.Account is { } one ? [$"{one}.2"] : all, (await stream.Stream.TakeAsync(stream.Account is null ? Accounts : 1, TimeSpan.FromSeconds(30))).Select(Name))));
        Assert.Equal(all, (await elsewhere.TakeAsync(Accounts)).Select(Name));
        // However many streams there are, the feed is looked at once for all.
        Assert.InRange(await _views.Calls(() => Task.Delay(1_000, Stop)), 2, 40);
        foreach (var (stream, _) in streams)
        {
            stream.Dispose();
        }

        await Eventually.True(() => open.Count == 1, "the streams are closed");
    }

    [Fact]
    public async Task There_is_a_limit_to_the_streams_of_a_replica()
    {
        await Happen(0, "A");
        await using var small = new SeededViews(sidecar, new Dictionary<string, string> { ["Streams:Limit"] = "2" });
        using var one = await EventStreamReader.OpenAsync(small.Client, "/v1/accounts/A/stream", null, Stop);
        using (await EventStreamReader.OpenAsync(small.Client, "/v1/accounts/stream?userId=7", null, Stop))
        {
            using var refused = await small.Client.GetAsync("/v1/accounts/A/stream", Stop);
            Assert.Equal((HttpStatusCode.ServiceUnavailable, "application/problem+json"), (refused.StatusCode, refused.Content.Headers.ContentType?.MediaType));
            Assert.NotNull(refused.Headers.RetryAfter);
        }

        await Eventually.Holds(async () => (await EventStreamReader.OpenAsync(small.Client, "/v1/accounts/A/stream", null, Stop)).Dispose());
    }

    [Theory]
    [InlineData("/v1/accounts/A/stream", "x", 400)]
    [InlineData("/v1/accounts/A/stream", "-1", 400)]
    [InlineData("/v1/accounts/A/stream?after=x", null, 400)]
    [InlineData("/v1/accounts/stream", null, 400)]
    [InlineData("/v1/accounts/stream?userId=x", null, 400)]
    [InlineData("/v1/accounts/stream?userId=9007199254740992", null, 400)]
    [InlineData("/v1/accounts/stream?userId=7", "5", 400)]
    [InlineData("/v1/accounts/stream?userId=7", "89abcdef-0.0.0", 400)]
    [InlineData("/v1/accounts/stream?userId=7&after=01234567-0.0", null, 400)]
    [InlineData("/v1/accounts/NOBODY/stream", null, 404)]
    [InlineData("/v1/accounts/nobody/stream", "3", 404)]
    [InlineData("/v1/accounts/NOBODY/stream", "3", 404)]
    [InlineData("/v1/accounts/A/stream", "2", 503)]
    [InlineData("/v1/accounts/A/stream?after=7", null, 503)]
    public async Task What_cannot_be_streamed_is_a_problem(string path, string? lastId, int status)
    {
        await Happen(0, "A");

        var refused = await Assert.ThrowsAsync<HttpRequestException>(() => Open(path, lastId));

        Assert.Equal(status, (int)refused.StatusCode!);
    }

    [Fact]
    public async Task Who_does_not_want_a_stream_gets_none()
    {
        await Happen(0, "A");
        using var json = new HttpRequestMessage(HttpMethod.Get, "/v1/accounts/A/stream") { Headers = { { "Accept", "application/json" } } };
        using var head = new HttpRequestMessage(HttpMethod.Head, "/v1/accounts/A/stream");

        using var refused = await _views.Client.SendAsync(json, Stop);
        using var headers = await _views.Client.SendAsync(head, Stop);

        Assert.Equal(HttpStatusCode.NotAcceptable, refused.StatusCode);
        Assert.Equal((HttpStatusCode.OK, "text/event-stream"), (headers.StatusCode, headers.Content.Headers.ContentType?.MediaType));
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private Task<EventStreamReader> Open(string path, string? lastId = null) => EventStreamReader.OpenAsync(_views.Client, path, lastId, Stop);

    /// <summary>The service knows the log; how far its history has come cannot be read any more.</summary>
    private async Task BreakFeed(SeededViews views)
    {
        await views.Client.GetStringAsync("/v1/events", Stop);
        await views.Write(RowKeys.Checkpoint(_at, Views.History, 2), "broken");
    }

    private static string Name(StreamEvent happened)
    {
        var item = JsonElement.Parse(happened.Data);
        return $"{item.GetProperty("accountNumber").GetString()}.{item.GetProperty("version").GetInt64()}";
    }

    private async Task<JsonElement> Json(string path) => JsonElement.Parse(await _views.Client.GetStringAsync(path, Stop));

    /// <summary>Writes the next record of a partition, with an event of each of these accounts; those called OTHER are another user's.</summary>
    private async Task Happen(int partition, params string[] accounts)
    {
        var items = new List<AccountEventBody>();
        foreach (var account in accounts)
        {
            var version = _versions[account] = _versions.GetValueOrDefault(account) + 1;
            items.Add(Seed.Item(account, version, account.StartsWith("OTHER", StringComparison.Ordinal) ? 8 : 7));
        }

        await _views.Write(items.Select(item => (RowKeys.History(_at, item.AccountNumber, item.Version), JsonSerializer.SerializeToElement(item, ContractsJson.Default.AccountEventBody))));
        await _views.Write([Seed.Record(_at, partition, ++_positions[partition], items)]);
    }

    private sealed class OpenStreamsMeter : IDisposable
    {
        private readonly MeterListener _listener = new();
        private int _count;

        public OpenStreamsMeter()
        {
            _listener.InstrumentPublished = (instrument, listening) =>
            {
                if (instrument is { Meter.Name: "Accounts", Name: "accounts.streams.open" })
                {
                    listening.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<int>((_, change, _, _) => Interlocked.Add(ref _count, change));
            _listener.Start();
        }

        public int Count => Volatile.Read(ref _count);

        public void Dispose() => _listener.Dispose();
    }
}
