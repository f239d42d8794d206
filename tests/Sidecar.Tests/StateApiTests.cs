using System.Net;
using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf;
using Grpc.Core;
using Sidecar.Configuration;
using Sidecar.Server;
using TestSupport;

namespace Sidecar.Tests;

/// <summary>States through the APIs: prefixes, sharing, and what the recorded requests do not show.</summary>
public sealed class StateApiTests : IAsyncDisposable
{
    private readonly Street _street = new();

    [Theory]
    [InlineData("", "one", "two", false)]
    [InlineData("appid", "one", "two", false)]
    [InlineData("name", "one", "two", true)]
    [InlineData("none", "one", "two", true)]
    [InlineData("Shared", "one", "two", true)]
    [InlineData("appid", "one", "one", true)]
    public async Task The_key_prefix_says_who_shares_a_file(string prefix, string first, string second, bool shared)
    {
        var one = await OpenAsync(first, Sqlite(("keyPrefix", prefix)));
        var two = await OpenAsync(second, Sqlite(("keyPrefix", prefix.ToLowerInvariant())));

        await SaveAsync(one, """[{"key":"k","value":1}]""");

        Assert.Equal(shared ? HttpStatusCode.OK : HttpStatusCode.NoContent, (await GetAsync(two, "/v1.0/state/store/k")).Status);
    }

    [Fact]
    public async Task An_in_memory_store_belongs_to_one_sidecar()
    {
        var memory = Component("store", "state.in-memory", ("keyPrefix", "none"));
        var one = await OpenAsync("app", memory);
        var two = await OpenAsync("app", memory);

        await SaveAsync(one, """[{"key":"k","value":1}]""");

        Assert.Equal(HttpStatusCode.OK, (await GetAsync(one, "/v1.0/state/store/k")).Status);
        Assert.Equal(HttpStatusCode.NoContent, (await GetAsync(two, "/v1.0/state/store/k")).Status);
    }

    [Fact]
    public async Task JSON_is_stored_compact_with_its_members_sorted_and_keys_may_hold_anything()
    {
        var app = await OpenAsync("app", Sqlite());

        await SaveAsync(app, """[{"key":"a/b c","value":{ "z" : 1.50, "a":["<",12345678901234567890, null] , "z":2}}]""");

        Assert.Equal(
            (HttpStatusCode.OK, """{"a":["\u003c",12345678901234567890,null],"z":2}"""),
            await GetAsync(app, "/v1.0/state/store/a%2Fb%20c"));
        Assert.Equal(HttpStatusCode.NoContent, (await GetAsync(app, "/v1.0/state/store/A%2Fb%20c")).Status);
    }

    [Fact]
    public async Task The_time_to_live_is_told_and_a_wrong_one_refused()
    {
        var app = await OpenAsync("app", Sqlite());

        await SaveAsync(app, """[{"key":"k","value":1,"metadata":{"ttlInSeconds":"100"}},{"key":"for-ever","value":1,"metadata":{"ttlInSeconds":"-1"}}]""");
        using var wrong = await _street.SendAsync(app, HttpMethod.Post, "/v1.0/state/store", """[{"key":"w","value":1,"metadata":{"ttlInSeconds":"soon"}}]""");
        using var got = await _street.SendAsync(app, HttpMethod.Get, "/v1.0/state/store/k");
        using var ever = await _street.SendAsync(app, HttpMethod.Get, "/v1.0/state/store/for-ever");

        Assert.Equal(HttpStatusCode.InternalServerError, wrong.StatusCode);
        Assert.True(DateTimeOffset.TryParse(got.Headers.GetValues("metadata.ttlExpireTime").Single(), null, out _));
        Assert.False(ever.Headers.Contains("metadata.ttlExpireTime"));
    }

    [Fact]
    public async Task Of_a_bulk_save_only_the_items_in_conflict_are_left_out_and_a_bulk_delete_likewise()
    {
        var app = await OpenAsync("app", Sqlite());
        var client = _street.Grpc(app);
        await SaveAsync(app, """[{"key":"b","value":0}]""");
        StateItem Item(string key, string? etag = null) => new()
        {
            Key = key,
            Value = ByteString.CopyFromUtf8("1"),
            Etag = etag is null ? null : new Etag { Value = etag },
        };

        var save = new SaveStateRequest { StoreName = "store", States = { Item("a"), Item("b", "stale"), Item("c") } };
        var conflict = await Assert.ThrowsAsync<RpcException>(async () => await client.SaveStateAsync(save, cancellationToken: Token));
        Assert.Equal(StatusCode.Aborted, conflict.StatusCode);
        Assert.Equal(("1", "0", "1"), (await BodyAsync("a"), await BodyAsync("b"), await BodyAsync("c")));

        var delete = new DeleteBulkStateRequest { StoreName = "store", States = { Item("a"), Item("b", "stale"), Item("c") } };
        conflict = await Assert.ThrowsAsync<RpcException>(async () => await client.DeleteBulkStateAsync(delete, cancellationToken: Token));
        Assert.Equal(StatusCode.Aborted, conflict.StatusCode);
        Assert.Equal(("", "0", ""), (await BodyAsync("a"), await BodyAsync("b"), await BodyAsync("c")));

        async Task<string> BodyAsync(string key) => (await GetAsync(app, "/v1.0/state/store/" + key)).Body;
    }

    [Fact]
    public async Task An_unknown_operation_a_query_and_no_store_at_all_have_the_codes_of_Dapr()
    {
        var app = await OpenAsync("app", Sqlite());
        var bare = await OpenAsync("bare");
        var client = _street.Grpc(app);

        var operation = new ExecuteStateTransactionRequest { StoreName = "store", Operations = { new TransactionalStateOperation { OperationType = "move" } } };
        Assert.Equal(StatusCode.Unimplemented, await CodeAsync(() => client.ExecuteStateTransactionAsync(operation, cancellationToken: Token).ResponseAsync));
        Assert.Equal(StatusCode.Unimplemented, await CodeAsync(() => client.QueryStateAlpha1Async(new QueryStateRequest { StoreName = "store" }, cancellationToken: Token).ResponseAsync));
        Assert.Equal(StatusCode.InvalidArgument, await CodeAsync(() => client.SaveStateAsync(new SaveStateRequest { StoreName = "store", States = { new StateItem() } }, cancellationToken: Token).ResponseAsync));
        Assert.Equal(StatusCode.FailedPrecondition, await CodeAsync(() => _street.Grpc(bare).GetStateAsync(new GetStateRequest { StoreName = "store", Key = "k" }, cancellationToken: Token).ResponseAsync));
    }

    [Fact]
    public async Task Messages_over_four_mebibytes_are_refused_in_both_directions()
    {
        var app = await OpenAsync("app", Sqlite());
        var client = _street.Grpc(app);
        for (var i = 0; i < 5; i++)
        {
            var item = new StateItem { Key = $"k{i}", Value = ByteString.CopyFrom(new byte[1 << 20]) };
            await client.SaveStateAsync(new SaveStateRequest { StoreName = "store", States = { item } }, cancellationToken: Token);
        }

        var few = new GetBulkStateRequest { StoreName = "store", Keys = { "k0", "k1", "k2" } };
        var all = new GetBulkStateRequest { StoreName = "store", Keys = { "k0", "k1", "k2", "k3", "k4" } };
        Assert.Equal(3, (await client.GetBulkStateAsync(few, cancellationToken: Token)).Items.Count);
        Assert.Equal(StatusCode.ResourceExhausted, await CodeAsync(() => client.GetBulkStateAsync(all, cancellationToken: Token).ResponseAsync));
        var big = new StateItem { Key = "big", Value = ByteString.CopyFrom(new byte[5 << 20]) };
        Assert.Equal(StatusCode.ResourceExhausted, await CodeAsync(() => client.SaveStateAsync(new SaveStateRequest { StoreName = "store", States = { big } }, cancellationToken: Token).ResponseAsync));
    }

    [Fact]
    public async Task Every_component_that_cannot_be_used_is_named_with_its_file()
    {
        var components = new[]
        {
            Sqlite(("connectionString", ":memory:")),
            Component("wrong", "state.in-memory", ("behaveAs", "oracle")),
            Component("bad-prefix", "state.in-memory", ("keyPrefix", "a||b")),
        };

        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => OpenAsync("app", components));

        Assert.Equal(3, refused.Message.Split('\n').Count(line => line.StartsWith("components.yaml: component '", StringComparison.Ordinal)));
    }

    public ValueTask DisposeAsync() => _street.DisposeAsync();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static Component Sqlite(params (string Name, string Value)[] metadata) =>
        Component("store", "state.sqlite", [("connectionString", "states.db"), .. metadata]);

    private static Component Component(string name, string type, params (string Name, string Value)[] metadata) => new()
    {
        Name = name,
        Type = type,
        Version = "v1",
        File = "components.yaml",
        Metadata = metadata.GroupBy(m => m.Name).ToDictionary(m => m.Key, m => m.Last().Value, StringComparer.OrdinalIgnoreCase),
    };

    private Task<AppSidecar> OpenAsync(string appId, params Component[] components) =>
        _street.OpenAsync(new AppSpec { AppId = appId, Directory = "/" }, new Resources(components, [], []));

    private async Task SaveAsync(AppSidecar app, string items)
    {
        using var saved = await _street.SendAsync(app, HttpMethod.Post, "/v1.0/state/store", items);
        Assert.Equal(HttpStatusCode.NoContent, saved.StatusCode);
    }

    private async Task<(HttpStatusCode Status, string Body)> GetAsync(AppSidecar app, string path)
    {
        using var response = await _street.SendAsync(app, HttpMethod.Get, path);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(Token));
    }

    private static async Task<StatusCode> CodeAsync(Func<Task> call) => (await Assert.ThrowsAsync<RpcException>(call)).StatusCode;
}
