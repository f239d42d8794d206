using Sidecar.State;
using TestSupport;

namespace Sidecar.Tests;

/// <summary>What both stores must do alike, with the rules of every store that they can be.</summary>
public sealed class StateStoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly StateClock _clock = new();
    private readonly List<SqliteDatabase> _databases = [];

    public static TheoryData<string, string> Stores =>
        new MatrixTheoryData<string, string>(["sqlite", "memory"], ["Sqlite", "PostgreSql", "MySql", "Redis"]);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory, MemberData(nameof(Stores))]
    public async Task Of_many_creates_at_once_one_wins(string kind, string behaviour)
    {
        var store = await OpenAsync(kind, behaviour);

        var results = await Task.WhenAll(Enumerable.Range(0, 32).Select(i => Task.Run(() => SetAsync(store, "k", $"{i}", create: true), Token)));

        var winner = Assert.Single(results.Index(), r => r.Item is null).Index;
        Assert.Equal($"{winner}", await ValueAsync(store, "k"));
    }

    [Theory, MemberData(nameof(Stores))]
    public async Task The_right_ETag_passes_once_and_a_stale_one_never(string kind, string behaviour)
    {
        var store = await OpenAsync(kind, behaviour);
        Assert.Null(await SetAsync(store, "k", "1", create: true));
        var first = (await store.GetAsync("k", Token))!.ETag;

        Assert.Null(await SetAsync(store, "k", "2", first));
        Assert.Equal(FailureKind.ETagMismatch, (await SetAsync(store, "k", "3", first))?.Kind);
        Assert.Equal(FailureKind.ETagMismatch, (await DeleteAsync(store, "k", first))?.Kind);
        Assert.Equal("2", await ValueAsync(store, "k"));
        Assert.Null(await DeleteAsync(store, "k", (await store.GetAsync("k", Token))!.ETag));
        Assert.Null(await store.GetAsync("k", Token));
    }

    [Theory, MemberData(nameof(Stores))]
    public async Task Only_Redis_takes_an_ETag_for_a_key_that_does_not_exist(string kind, string behaviour)
    {
        var store = await OpenAsync(kind, behaviour);
        var etag = behaviour == "Redis" ? "7" : Guid.NewGuid().ToString();

        Assert.Equal(behaviour == "Redis", await SetAsync(store, "k", "1", etag) is null);
        Assert.Equal(behaviour == "Redis", await DeleteAsync(store, "other", etag) is null);
    }

    [Theory, MemberData(nameof(Stores))]
    public async Task A_transaction_that_fails_leaves_nothing_except_on_Redis(string kind, string behaviour)
    {
        var store = await OpenAsync(kind, behaviour);
        await SetAsync(store, "b", "0");
        await SetAsync(store, "gone", "0");
        var stale = behaviour == "Redis" ? "99" : Guid.NewGuid().ToString();

        var failure = await store.WriteAsync(
            [Write("a", "1"), new StateWrite("gone", default) { IsDelete = true }, Write("b", "1") with { ETag = stale, Concurrency = Concurrency.FirstWrite }, Write("c", "1")],
            transaction: true);

        Assert.NotNull(failure);
        var kept = behaviour == "Redis";
        Assert.Equal(kept ? "1" : null, await ValueAsync(store, "a"));
        Assert.Equal(kept ? null : "0", await ValueAsync(store, "gone"));
        Assert.Equal("0", await ValueAsync(store, "b"));
        Assert.Equal(kept ? "1" : null, await ValueAsync(store, "c"));
    }

    [Theory, MemberData(nameof(Stores))]
    public async Task What_a_transaction_has_written_to_a_key_decides_about_its_next_write_to_it(string kind, string behaviour)
    {
        var store = await OpenAsync(kind, behaviour);
        var (redis, other) = (behaviour == "Redis", behaviour == "MySql" ? "K" : "k");

        var twice = await store.WriteAsync([Write("a", "1"), Create("k", "1"), Create(other, "2")], transaction: true);

        Assert.Equal(redis, twice is null);
        Assert.Equal(redis ? "1" : null, await ValueAsync(store, "a"));
        Assert.Equal(redis ? "2" : null, await ValueAsync(store, "k"));
        Assert.Null(await store.WriteAsync([Create("n", "1"), new StateWrite("n", default) { IsDelete = true }, Create("n", "3")], transaction: true));
        Assert.Equal("3", await ValueAsync(store, "n"));

        static StateWrite Create(string key, string value) => Write(key, value) with { Concurrency = Concurrency.FirstWrite };
    }

    [Theory, MemberData(nameof(Stores))]
    public async Task A_create_in_a_transaction_is_honoured_except_by_Redis(string kind, string behaviour)
    {
        var store = await OpenAsync(kind, behaviour);
        await SetAsync(store, "k", "0");

        var failure = await store.WriteAsync([Write("k", "1") with { Concurrency = Concurrency.FirstWrite }], transaction: true);

        Assert.Equal(behaviour == "Redis", failure is null);
        Assert.Equal(behaviour == "Redis" ? "1" : "0", await ValueAsync(store, "k"));
    }

    [Theory, MemberData(nameof(Stores))]
    public async Task An_expired_row_is_gone_at_once_and_its_key_can_be_created_again(string kind, string behaviour)
    {
        var store = await OpenAsync(kind, behaviour);
        await store.WriteAsync([Write("k", "1") with { Ttl = TimeSpan.FromSeconds(10), Concurrency = Concurrency.FirstWrite }], transaction: false);
        Assert.Equal("2026-01-01T00:00:10Z", (await store.GetAsync("k", Token))!.Metadata["ttlExpireTime"]);

        _clock.Pass(TimeSpan.FromSeconds(9));
        Assert.Equal("1", await ValueAsync(store, "k"));
        _clock.Pass(TimeSpan.FromSeconds(1));

        Assert.Null(await store.GetAsync("k", Token));
        Assert.Null(Assert.Single(await store.GetManyAsync(["k"], Token)).Value);
        Assert.Null(await SetAsync(store, "k", "2", create: true));
        Assert.Null((await store.GetAsync("k", Token))!.Expires);
    }

    [Theory, MemberData(nameof(Stores))]
    public async Task Bytes_come_back_as_they_were(string kind, string behaviour)
    {
        var store = await OpenAsync(kind, behaviour);
        var bytes = new byte[100_000];
        new Random(1).NextBytes(bytes);

        await store.WriteAsync([new StateWrite("ключ/%_'\"", bytes)], transaction: false);

        Assert.Equal(bytes, (await store.GetAsync("ключ/%_'\"", Token))!.Value.ToArray());
    }

    [Theory, MemberData(nameof(Stores))]
    public async Task Only_PostgreSQL_refuses_nothing_as_a_value(string kind, string behaviour)
    {
        var store = await OpenAsync(kind, behaviour);

        var failure = await store.WriteAsync([new StateWrite("k", default)], transaction: false);

        Assert.Equal(behaviour == "PostgreSql", failure is { Kind: FailureKind.Other });
        Assert.Equal(behaviour != "PostgreSql", await store.GetAsync("k", Token) is { Value.IsEmpty: true, ETag.Length: > 0 });
    }

    [Theory, MemberData(nameof(Stores))]
    public async Task Only_MySQL_takes_keys_that_differ_by_case_for_one(string kind, string behaviour)
    {
        var store = await OpenAsync(kind, behaviour);
        await SetAsync(store, "Key", "1", create: true);

        Assert.Equal(behaviour == "MySql", await SetAsync(store, "kEY", "2", create: true) is not null);
        var found = await store.GetManyAsync(["KEY"], Token);
        Assert.Equal(behaviour == "MySql" ? ["Key", "KEY"] : ["KEY"], found.Select(f => f.Key));
        Assert.Equal(behaviour == "MySql", found.Any(f => f.Value is not null));
    }

    [Theory, MemberData(nameof(Stores))]
    public async Task Only_Redis_fences_just_the_keys_that_were_once_written_first_write(string kind, string behaviour)
    {
        var store = await OpenAsync(kind, behaviour);
        await SetAsync(store, "plain", "1");
        await SetAsync(store, "fenced", "1", create: true);

        Assert.Equal(behaviour == "Redis", await SetAsync(store, "plain", "2", create: true) is null);
        Assert.Equal(behaviour == "Redis", await SetAsync(store, "fenced", "2") is { Kind: FailureKind.Other });
    }

    [Theory]
    [InlineData("sqlite", "Sqlite", "a b c nope")]
    [InlineData("sqlite", "Redis", "a nope c b a")]
    [InlineData("memory", "InMemory", "a nope c b a")]
    public async Task A_bulk_get_answers_in_the_order_of_its_store(string kind, string behaviour, string order)
    {
        var store = await OpenAsync(kind, behaviour);
        foreach (var key in new[] { "c", "a", "b" })
        {
            await SetAsync(store, key, key);
        }

        var found = await store.GetManyAsync(["nope", "c", "b", "a", "a"], Token);

        Assert.Equal(order, string.Join(' ', found.Select(f => f.Key)));
        Assert.All(found, f => Assert.Equal(f.Key == "nope", f.Value is null));
    }

    public void Dispose()
    {
        _databases.ForEach(d => d.Dispose());
        _folder.Dispose();
    }

    private async Task<IStateStore> OpenAsync(string kind, string behaviour)
    {
        var rules = new StateRules(Enum.Parse<Behaviour>(behaviour));
        if (kind == "memory")
        {
            return new MemoryStore(rules, _clock);
        }

        var database = new SqliteDatabase(_folder.At("states.db"), _clock);
        _databases.Add(database);
        var table = new SqliteTable("state", rules);
        await database.ExecuteAsync(table.Create);
        return new SqliteStore(database, table);
    }

    private static StateWrite Write(string key, string value) => new(key, System.Text.Encoding.UTF8.GetBytes(value));

    private static Task<StateFailure?> SetAsync(IStateStore store, string key, string value, string? etag = null, bool create = false) =>
        store.WriteAsync(
            [Write(key, value) with { ETag = etag, Concurrency = create || etag is not null ? Concurrency.FirstWrite : Concurrency.Unspecified }],
            transaction: false);

    private static Task<StateFailure?> DeleteAsync(IStateStore store, string key, string etag) =>
        store.WriteAsync([new StateWrite(key, default) { IsDelete = true, ETag = etag }], transaction: false);

    private static async Task<string?> ValueAsync(IStateStore store, string key) =>
        await store.GetAsync(key, Token) is { } row ? System.Text.Encoding.UTF8.GetString(row.Value.Span) : null;
}
