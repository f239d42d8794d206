using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Dapr;
using Dapr.Client;
using Grpc.Core;
using TestSupport;

namespace Conformance.Tests;

/// <summary>The .NET SDK against a store, step by step as it was recorded.</summary>
public sealed partial class StateGoldenTests
{
    private static readonly StateOptions _firstWrite = new() { Concurrency = ConcurrencyMode.FirstWrite };
    private static readonly StateOptions _lastWrite = new() { Concurrency = ConcurrencyMode.LastWrite };

    public static TheoryData<string> Sidecars => Setting.SidecarsAndGiven;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory, MemberData(nameof(Sidecars))]
    public Task SQLite_is_as_recorded(string sidecar) => ReplayAsync(sidecar, "sqlite", RecordedApp.Components);

    [Theory, MemberData(nameof(Sidecars))]
    public Task The_in_memory_store_is_as_recorded(string sidecar) => ReplayAsync(sidecar, "memory", RecordedApp.Components);

    [Theory]
    [InlineData("redis")]
    [InlineData("postgres")]
    [InlineData("mysql")]
    public Task A_store_that_behaves_as_another_is_as_that_one(string store) =>
        ReplayAsync(Setting.Embedded, store, [RecordedApp.BehavingAs(store)]);

    private static async Task ReplayAsync(string sidecar, string store, string[] components)
    {
        using var turn = await Setting.TurnAsync(sidecar);
        await using var app = await RecordedApp.StartAsync(Setting.AppPort(sidecar));
        await using var setting = await Setting.StartAsync(sidecar, "rec", app.Port, components);
        using var client = setting.Client();
        var key = "conformance-" + Guid.NewGuid().ToString("N");
        var anyOrder = store is "memory" or "redis";
        var wrong = new List<string>();
        var golden = Golden.Read($"state-{store}.json").EnumerateArray().ToArray();
        var played = await PlayAsync(client, store, key);

        Assert.Equal(golden.Select(g => g.GetProperty("what").GetString()), played.Select(p => p.What));
        foreach (var (wanted, (what, found)) in golden.Zip(played))
        {
            var (expected, actual) = (Normal((JsonObject)JsonNode.Parse(wanted.GetRawText())!, key, anyOrder), Normal(found, key, anyOrder));
            if (!JsonNode.DeepEquals(expected, actual))
            {
                wrong.Add($"{what}: {actual.ToJsonString()}\n    instead of {expected.ToJsonString()}");
            }
        }

        Assert.True(wrong.Count == 0, $"{wrong.Count} of {played.Count} steps differ:\n{string.Join('\n', wrong)}");
    }

    /// <summary>The steps in their order. What a step leaves behind is what the next one meets.</summary>
    private static async Task<List<(string What, JsonObject Outcome)>> PlayAsync(DaprClient client, string store, string key)
    {
        var played = new List<(string, JsonObject)>();
        var value = new Dictionary<string, int> { ["a"] = 1 };
        var right = "";

        async Task Step(string what, Func<Task<JsonNode?>> run) => played.Add((what, await OutcomeAsync(what, run)));
        async Task<JsonNode?> Done(Task task, string result)
        {
            await task;
            return result;
        }

        async Task<JsonNode?> Get(string name)
        {
            var (found, etag) = await client.GetStateAndETagAsync<JsonElement?>(store, name, cancellationToken: Token);
            right = etag.Length > 0 ? etag : right;
            return new JsonObject { ["v"] = found is { } f ? JsonNode.Parse(f.GetRawText()) : null, ["e"] = etag };
        }

        async Task<JsonNode?> Items(params string[] names)
        {
            var items = await client.GetBulkStateAsync(store, names, null, cancellationToken: Token);
            return new JsonArray([.. items.Select(i => (JsonNode)new JsonObject { ["key"] = i.Key, ["value"] = i.Value, ["eTag"] = i.ETag })]);
        }

        Task<JsonNode?> Create(string name, object content) =>
            Done(client.SaveStateAsync(store, name, content, _firstWrite, cancellationToken: Token), "saved");
        async Task<JsonNode?> Try(string name, string etag, StateOptions? options) =>
            await client.TrySaveStateAsync(store, name, value, etag, options, cancellationToken: Token);
        Task<JsonNode?> Transact(params StateTransactionRequest[] operations) =>
            Done(client.ExecuteStateTransactionAsync(store, operations, cancellationToken: Token), "ok");
        StateTransactionRequest Upsert(string name, int content, string? etag = null, StateOptions? options = null) =>
            new(name, JsonSerializer.SerializeToUtf8Bytes(content), StateOperationType.Upsert, etag, null, options);

        await Step("get missing", () => Get(key));
        await Step("create first-write no etag", () => Create(key, value));
        await Step("create first-write again", () => Create(key, value));
        await Step("try-save first-write etag empty", () => Try(key, "", _firstWrite));
        await Step("get", () => Get(key));
        await Step("try-save right etag", async () => new JsonObject { ["e"] = right, ["ok"] = await Try(key, right, _firstWrite) });
        await Step("try-save stale etag", () => Try(key, right, _firstWrite));
        await Step("try-save stale etag last-write", () => Try(key, right, _lastWrite));
        await Step("try-save malformed etag", () => Try(key, "not-an-etag", _firstWrite));
        await Step("save plain over first-write key", () => Done(client.SaveStateAsync(store, key, value, cancellationToken: Token), "saved"));
        await Step("try-save etag on missing key", () => Try(key + "-other", right, _firstWrite));
        await Step("create race 32", () => RaceAsync(client, store, key + "-race"));
        await Step("tx ok", () => Transact(Upsert(key + "t1", 1), Upsert(key + "t2", 2)));
        await Step("tx with stale etag in the middle", () => Transact(
            Upsert(key + "u1", 1), Upsert(key + "t1", 2, "12345", _firstWrite), Upsert(key + "u3", 3)));
        await Step("visible after failed tx", () => Items(key + "u1", key + "t1", key + "u3"));
        await Step("tx create-only on existing", () => Transact(Upsert(key + "t1", 9, null, _firstWrite)));
        await Step("tx empty", () => Transact());
        await Step("bulk get order, dup, miss", () => Items(key + "t2", key + "nope", key + "t1", key + "t2"));
        await Step("delete stale", async () => await client.TryDeleteStateAsync(store, key, "12345", cancellationToken: Token));
        await Step("delete", () => Done(client.DeleteStateAsync(store, key, cancellationToken: Token), "ok"));
        await Step("delete missing", () => Done(client.DeleteStateAsync(store, key, cancellationToken: Token), "ok"));
        await Step("key with ||", () => Done(client.SaveStateAsync(store, "a||b", value, cancellationToken: Token), "saved"));
        await Step("key empty", () => Done(client.SaveStateAsync(store, "", value, cancellationToken: Token), "saved"));
        await Step("unknown store", () => Done(client.SaveStateAsync("nostore", key, value, cancellationToken: Token), "saved"));
        await Step("null value", async () =>
        {
            await client.SaveStateAsync<object?>(store, key + "-null", null, cancellationToken: Token);
            return await Get(key + "-null");
        });
        await Step("ttl 1 s", async () =>
        {
            var ttl = new Dictionary<string, string> { ["ttlInSeconds"] = "1" };
            await client.SaveStateAsync(store, key + "-ttl", value, metadata: ttl, cancellationToken: Token);
            Assert.Equal(1, (await client.GetStateAsync<Dictionary<string, int>>(store, key + "-ttl", cancellationToken: Token))?["a"]);
            return await Eventually.Gives(async () =>
                await Get(key + "-ttl") is { } found && found["v"] is null ? found : throw new TimeoutException("it is still there"));
        });
        await Step("5 MiB value", () => Done(client.SaveStateAsync(store, key, new string('x', 5 << 20), cancellationToken: Token), "saved"));
        await Step("raw bytes not json", async () =>
        {
            await client.SaveByteStateAsync(store, key + "-raw", new byte[] { 0, 1, 2, 255 }, cancellationToken: Token);
            return Convert.ToHexString((await client.GetByteStateAsync(store, key + "-raw", cancellationToken: Token)).Span);
        });
        return played;
    }

    private static async Task<JsonNode?> RaceAsync(DaprClient client, string store, string key)
    {
        var results = await Task.WhenAll(Enumerable.Range(0, 32).Select(async racer =>
        {
            try
            {
                await client.SaveStateAsync(store, key, racer, _firstWrite, cancellationToken: Token);
                return "ok";
            }
            catch (DaprException e)
            {
                return ((RpcException)e.InnerException!).StatusCode.ToString();
            }
        }));
        return new JsonObject(results.GroupBy(r => r).Select(g => KeyValuePair.Create<string, JsonNode?>(g.Key, g.Count())));
    }

    private static async Task<JsonObject> OutcomeAsync(string what, Func<Task<JsonNode?>> run)
    {
        try
        {
            return new JsonObject { ["what"] = what, ["ok"] = true, ["result"] = await run() };
        }
        catch (DaprException e) when (e.InnerException is RpcException inner)
        {
            return Failure(what, e, nameof(RpcException), inner.StatusCode.ToString(), inner.Status.Detail);
        }
        catch (ArgumentException e)
        {
            return Failure(what, e, null, null, e.Message);
        }
    }

    private static JsonObject Failure(string what, Exception e, string? inner, string? code, string detail) => new()
    {
        ["what"] = what,
        ["ok"] = false,
        ["exception"] = e is ArgumentException ? nameof(ArgumentException) : e.GetType().Name,
        ["inner"] = inner,
        ["code"] = code,
        ["detail"] = detail,
    };

    /// <summary>
    /// Replaces what was random, and leaves out what belongs to the store: the text of an error beyond its first words, and
    /// the order of a bulk get where it has none.
    /// </summary>
    private static JsonObject Normal(JsonObject outcome, string key, bool anyOrder)
    {
        var text = Golden.Normal(outcome.ToJsonString(_relaxed).Replace(key, "KEY", StringComparison.Ordinal));
        text = MessageSize().Replace(text, "(N vs.");
        var normal = (JsonObject)JsonNode.Parse(text)!;
        if ((string?)normal["detail"] is { } detail)
        {
            normal["detail"] = StoreText().Replace(detail, "$1");
        }

        if (anyOrder && normal["result"] is JsonArray items)
        {
            normal["result"] = new JsonArray([.. items.Select(i => i!.DeepClone()).OrderBy(i => i.ToJsonString(), StringComparer.Ordinal)]);
        }

        return normal;
    }

    private static readonly JsonSerializerOptions _relaxed = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [GeneratedRegex(@"\([0-9]+ vs\.")]
    private static partial Regex MessageSize();

    [GeneratedRegex("(error from state store|invalid etag value|failed to set key|ERR user_script|ERROR: null value).*", RegexOptions.Singleline)]
    private static partial Regex StoreText();
}
