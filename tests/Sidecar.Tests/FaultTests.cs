using System.Diagnostics;
using System.Net;
using System.Text;
using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Sidecar.Configuration;
using Sidecar.Faults;
using Sidecar.Server;
using TestSupport;

namespace Sidecar.Tests;

/// <summary>Faults as they are set over HTTP, and what callers of the sidecars then see.</summary>
public sealed class FaultTests : IAsyncLifetime
{
    private const string Subscriptions = """[{"pubsubname":"pubsub","topic":"t","route":"/t"}]""";
    private const string Actors = """{"entities":["Cart"]}""";
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(250);

    private readonly Street _street = new();
    private readonly HttpClient _http = new();
    private readonly Uri _address = new($"http://127.0.0.1:{FreePorts.Next()}/faults");
    private FaultsApi _api = null!;
    private RecordingApp _app = null!;
    private AppSidecar _sidecar = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var scene = FaultScene.Of(["app", "other"], [Street.PubSub(), Street.ActorStore()]);
        _api = await FaultsApi.StartAsync(_address.Port, _street.Neighbourhood.Faults, scene, Token);
        (_app, _sidecar) = await _street.MoveInAsync("app", await RecordingApp.StartAsync(Subscriptions, Actors));
        await Eventually.True(() => _sidecar.ActiveActors.Count == 1 && _sidecar.ActiveSubscriptions.Count == 1, "the app has its actors and subscriptions");
    }

    [Fact]
    public async Task A_list_takes_the_place_of_the_one_before_until_there_is_none()
    {
        Assert.Equal("[]", await ListAsync());
        await PutAsync("""[{"on":"actors","do":"block"},{"on":"state:store","do":"fail-after","rate":0.2,"app":"app"},{"on":"pubsub:pubsub","do":"delay","ms":20}]""");
        Assert.Equal(
            """[{"on":"actors","do":"block","rate":1},{"on":"state:store","do":"fail-after","rate":0.2,"app":"app"},{"on":"pubsub:pubsub","do":"delay","ms":20,"rate":1}]""",
            await ListAsync());

        await PutAsync("""[{"on":"invoke","do":"fail-before"}]""");
        Assert.Equal("""[{"on":"invoke","do":"fail-before","rate":1}]""", await ListAsync());

        using var ended = await _http.DeleteAsync(_address, Token);
        Assert.True(ended.IsSuccessStatusCode);
        Assert.Equal("[]", await ListAsync());
    }

    [Theory]
    [InlineData("nonsense", "no JSON")]
    [InlineData("{}", "no list")]
    [InlineData("""["block"]""", "entry 1: is no object")]
    [InlineData("""[{"on":"disk","do":"block"}]""", "entry 1: 'on' is 'disk', which is not known. It can be actors, invoke, pubsub:pubsub, state:store.")]
    [InlineData("""[{"on":"state:store","do":"burn"}]""", "entry 1: 'do' is 'burn', which is not known. It can be block, delay,")]
    [InlineData("""[{"on":3,"do":"block","of":1}]""", "'on' is 3, and no text", "'of' is not known")]
    [InlineData("""[{"on":"actors"},{"do":"block"}]""", "entry 1: 'do' is missing", "entry 2: 'on' is missing")]
    [InlineData("""[{"on":"actors","do":"delay"}]""", "'ms' is missing")]
    [InlineData("""[{"on":"actors","do":"delay","ms":-1},{"on":"actors","do":"delay","ms":0.5}]""", "entry 1: 'ms' is -1", "entry 2: 'ms' is 0.5")]
    [InlineData("""[{"on":"actors","do":"block","ms":5}]""", "'ms' means nothing for 'block'")]
    [InlineData("""[{"on":"actors","do":"block","rate":1.5},{"on":"actors","do":"block","rate":"1"}]""", "entry 1: 'rate' is 1.5", "entry 2: 'rate' is \"1\"")]
    [InlineData("""[{"on":"actors","do":"block","app":"nobody"}]""", "'app' is 'nobody', which is not known. It can be app, other.")]
    public async Task A_wrong_list_is_refused_with_everything_that_is_wrong_and_changes_nothing(string list, params string[] problems)
    {
        await PutAsync("""[{"on":"actors","do":"delay","ms":1}]""");

        using var content = new StringContent(list);
        using var answer = await _http.PutAsync(_address, content, Token);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        using var problem = System.Text.Json.JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Token));
        var found = problem.RootElement.GetProperty("problems").EnumerateArray().Select(p => p.GetString()!).ToList();
        Assert.Equal(problems.Length, found.Count);
        Assert.All(problems, p => Assert.Contains(found, f => f.Contains(p, StringComparison.Ordinal)));
        Assert.Equal("""[{"on":"actors","do":"delay","ms":1,"rate":1}]""", await ListAsync());
    }

    [Theory]
    [InlineData("state:store", "POST", "/v1.0/state/store", """[{"key":"k","value":1}]""")]
    [InlineData("state:store", "GET", "/v1.0/state/store/k", null)]
    [InlineData("actors", "POST", "/v1.0/actors/Cart/1/method/x", "{}")]
    [InlineData("invoke", "GET", "/v1.0/invoke/app/method/x", null)]
    [InlineData("pubsub:pubsub", "POST", "/v1.0/publish/pubsub/t", "{}")]
    public async Task What_is_blocked_waits_and_a_new_list_frees_it_or_holds_it_on(string on, string method, string path, string? body)
    {
        await PutAsync($$"""[{"on":"{{on}}","do":"block"}]""");
        var call = _street.SendAsync(_sidecar, new HttpMethod(method), path, body);
        Assert.NotEqual(call, await Task.WhenAny(call, Task.Delay(Soon, Token)));

        await PutAsync($$"""[{"on":"{{on}}","do":"delay","ms":1},{"on":"{{on}}","do":"block"}]""");
        Assert.NotEqual(call, await Task.WhenAny(call, Task.Delay(Soon, Token)));
        Assert.Empty(_app.Asked);

        await PutAsync("[]");
        using var answer = await call;
        Assert.True(answer.IsSuccessStatusCode);
    }

    [Fact]
    public async Task A_blocked_call_whose_caller_has_left_reaches_no_actor_but_a_blocked_write_is_written()
    {
        await PutAsync("""[{"on":"actors","do":"block"},{"on":"state:store","do":"block"}]""");
        var grpc = _street.Grpc(_sidecar);

        await Assert.ThrowsAsync<RpcException>(async () => await grpc.InvokeActorAsync(Call(), deadline: DateTime.UtcNow + Soon, cancellationToken: Token));
        await Assert.ThrowsAsync<RpcException>(async () => await grpc.SaveStateAsync(Save("late"), deadline: DateTime.UtcNow + Soon, cancellationToken: Token));
        await PutAsync("[]");

        await Eventually.Holds(async () => Assert.Equal("late", (await grpc.GetStateAsync(Get(), cancellationToken: Token)).Data.ToStringUtf8()));
        Assert.Empty(_app.Asked);
    }

    [Theory]
    [InlineData("fail-before", false)]
    [InlineData("fail-after", true)]
    public async Task A_write_that_fails_is_an_internal_error_and_only_fail_after_has_written(string kind, bool written)
    {
        var grpc = _street.Grpc(_sidecar);
        await PutAsync($$"""[{"on":"state:store","do":"{{kind}}"}]""");

        using var http = await _street.SendAsync(_sidecar, HttpMethod.Post, "/v1.0/state/store", """[{"key":"k","value":"v"}]""");
        var saved = await Assert.ThrowsAsync<RpcException>(async () => await grpc.SaveStateAsync(Save("v", "g"), cancellationToken: Token));
        var transacted = await Assert.ThrowsAsync<RpcException>(async () => await grpc.ExecuteStateTransactionAsync(
            new ExecuteStateTransactionRequest
            {
                StoreName = "store",
                Operations = { new TransactionalStateOperation { OperationType = "upsert", Request = new() { Key = "t", Value = ByteString.CopyFromUtf8("v") } } },
            },
            cancellationToken: Token));
        await PutAsync("[]");

        Assert.Equal(HttpStatusCode.InternalServerError, http.StatusCode);
        Assert.StartsWith("""{"errorCode":"ERR_STATE_SAVE","message":"failed saving state in state store store: fault """, await http.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
        Assert.Equal((Grpc.Core.StatusCode.Internal, Grpc.Core.StatusCode.Internal), (saved.StatusCode, transacted.StatusCode));
        foreach (var key in (string[])["k", "g", "t"])
        {
            Assert.Equal(written, (await grpc.GetStateAsync(Get(key), cancellationToken: Token)).Data.Length > 0);
        }
    }

    [Fact]
    public async Task A_read_that_fails_is_an_error_of_the_call_and_in_a_bulk_read_of_each_item()
    {
        var grpc = _street.Grpc(_sidecar);
        await grpc.SaveStateAsync(Save("v"), cancellationToken: Token);
        await PutAsync("""[{"on":"state:store","do":"fail-before"}]""");

        var one = await Assert.ThrowsAsync<RpcException>(async () => await grpc.GetStateAsync(Get(), cancellationToken: Token));
        var many = await grpc.GetBulkStateAsync(new GetBulkStateRequest { StoreName = "store", Keys = { "k", "l" } }, cancellationToken: Token);

        Assert.Equal(Grpc.Core.StatusCode.Internal, one.StatusCode);
        Assert.Equal(2, many.Items.Count);
        Assert.All(many.Items, item => Assert.NotEmpty(item.Error));
    }

    [Fact]
    public async Task Everything_that_matches_applies_each_at_its_rate_and_to_its_app()
    {
        await PutAsync("""
            [{"on":"state:store","do":"delay","ms":200},{"on":"state:store","do":"delay","ms":100},{"on":"state:store","do":"fail-before","rate":0},
             {"on":"state:store","do":"fail-after","app":"app"},{"on":"invoke","do":"block"}]
            """);
        var other = await _street.OpenAsync(new AppSpec { AppId = "other", Directory = "/" });

        var started = Stopwatch.GetTimestamp();
        Assert.Equal(HttpStatusCode.InternalServerError, await SaveAsync(_sidecar));
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.FromMilliseconds(299), TimeSpan.FromSeconds(10));
        Assert.Equal(HttpStatusCode.NoContent, await SaveAsync(other));

        await PutAsync("""[{"on":"state:store","do":"fail-before","rate":0.5}]""");
        var failed = 0;
        for (var i = 0; i < 200; i++)
        {
            failed += await SaveAsync(other) == HttpStatusCode.NoContent ? 0 : 1;
        }

        Assert.InRange(failed, 50, 150);
    }

    [Fact]
    public async Task An_actor_call_may_fail_before_or_after_and_arrive_twice()
    {
        await PutAsync("""[{"on":"actors","do":"fail-before"}]""");
        using var before = await _street.SendAsync(_sidecar, HttpMethod.Post, "/v1.0/actors/Cart/1/method/x", "{}");
        Assert.Empty(_app.Asked);

        await PutAsync("""[{"on":"actors","do":"fail-after"}]""");
        var after = await Assert.ThrowsAsync<RpcException>(async () => await _street.Grpc(_sidecar).InvokeActorAsync(Call(), cancellationToken: Token));
        Assert.Single(_app.Asked);

        await PutAsync("""[{"on":"actors","do":"repeat"}]""");
        using var twice = await _street.SendAsync(_sidecar, HttpMethod.Post, "/v1.0/actors/Cart/1/method/x", "{}");
        Assert.Equal(3, _app.Asked.Count);

        Assert.Equal((HttpStatusCode.InternalServerError, HttpStatusCode.OK), (before.StatusCode, twice.StatusCode));
        Assert.StartsWith("""{"errorCode":"ERR_ACTOR_INVOKE_METHOD",""", await before.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
        Assert.Equal(Grpc.Core.StatusCode.Internal, after.StatusCode);
    }

    [Fact]
    public async Task An_invocation_may_fail_before_or_after_it_reached_the_app()
    {
        var request = new InvokeServiceRequest { Id = "app", Message = new InvokeRequest { Method = "x", HttpExtension = new HTTPExtension { Verb = HTTPExtension.Types.Verb.Get } } };
        await PutAsync("""[{"on":"invoke","do":"fail-before"}]""");
        using var before = await _street.SendAsync(_sidecar, HttpMethod.Get, "/v1.0/invoke/app/method/x");
        Assert.Empty(_app.Asked);

        await PutAsync("""[{"on":"invoke","do":"fail-after"}]""");
        using var after = await _street.SendAsync(_sidecar, HttpMethod.Get, "/v1.0/invoke/app/method/x");
        var grpc = await Assert.ThrowsAsync<RpcException>(async () => await _street.Grpc(_sidecar).InvokeServiceAsync(request, cancellationToken: Token));

        Assert.Equal(2, _app.Asked.Count);
        Assert.All([before, after], a => Assert.Equal(HttpStatusCode.InternalServerError, a.StatusCode));
        Assert.StartsWith("""{"errorCode":"ERR_DIRECT_INVOKE",""", await after.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
        Assert.Equal(Grpc.Core.StatusCode.Internal, grpc.StatusCode);
    }

    [Theory]
    [InlineData("state:store", "POST", "/v1.0/state/store", """[{"key":"k","value":1}]""")]
    [InlineData("state:store", "GET", "/v1.0/state/store/k", null)]
    [InlineData("actors", "POST", "/v1.0/actors/Cart/1/method/x", "{}")]
    [InlineData("invoke", "POST", "/v1.0/invoke/app/method/x", "{}")]
    public async Task A_call_that_is_lost_is_not_done_and_its_caller_hears_nothing_until_the_list_ends(string on, string method, string path, string? body)
    {
        await PutAsync($$"""[{"on":"{{on}}","do":"lose"}]""");
        var call = _street.SendAsync(_sidecar, new HttpMethod(method), path, body);
        Assert.NotEqual(call, await Task.WhenAny(call, Task.Delay(Soon, Token)));

        await PutAsync("[]");

        using var answer = await call;
        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.Empty(_app.Asked);
        Assert.Empty((await _street.Grpc(_sidecar).GetStateAsync(Get(), cancellationToken: Token)).Data);
    }

    [Fact]
    public async Task A_write_and_an_invocation_may_be_done_twice_and_the_second_is_answered()
    {
        await PutAsync("""[{"on":"state:store","do":"repeat"},{"on":"invoke","do":"repeat"}]""");
        using var created = await _street.SendAsync(_sidecar, HttpMethod.Post, "/v1.0/state/store", """[{"key":"k","value":1,"options":{"concurrency":"first-write"}}]""");
        using var invoked = await _street.SendAsync(_sidecar, HttpMethod.Post, "/v1.0/invoke/app/method/x", "body");
        await PutAsync("[]");

        Assert.Equal((HttpStatusCode.Conflict, HttpStatusCode.OK), (created.StatusCode, invoked.StatusCode));
        Assert.Equal("1", (await _street.Grpc(_sidecar).GetStateAsync(Get(), cancellationToken: Token)).Data.ToStringUtf8());
        Assert.Equal(["body", "body"], _app.At("/x").Select(a => a.Body));
    }

    [Theory]
    [InlineData("actors", "/v1.0/actors/Cart/1/method/", "/actors/Cart/1/method/")]
    [InlineData("invoke", "/v1.0/invoke/app/method/", "/")]
    [InlineData("state:store", "/v1.0/state/store", null)]
    public async Task A_call_may_be_overtaken_by_the_next_one_or_come_late(string on, string path, string? seen)
    {
        await PutAsync($$"""[{"on":"{{on}}","do":"reorder"}]""");
        var started = Stopwatch.GetTimestamp();
        using var alone = await OneAsync(0);
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.FromMilliseconds(990), TimeSpan.FromSeconds(20));

        var first = OneAsync(1);
        Assert.NotEqual(first, await Task.WhenAny(first, Task.Delay(Soon, Token)));
        using var second = await OneAsync(2);
        using var held = await first;

        Assert.All([alone, held, second], a => Assert.True(a.IsSuccessStatusCode));
        if (seen is not null)
        {
            Assert.Equal([$"{seen}0", $"{seen}2", $"{seen}1"], _app.Asked.Select(a => a.Path));
        }
        else
        {
            await PutAsync("[]");
            Assert.Equal("1", (await _street.Grpc(_sidecar).GetStateAsync(Get(), cancellationToken: Token)).Data.ToStringUtf8());
        }

        Task<HttpResponseMessage> OneAsync(int number) => _street.SendAsync(
            _sidecar, HttpMethod.Post, path + (seen is null ? "" : number), seen is null ? $$"""[{"key":"k","value":{{number}}}]""" : "{}");
    }

    [Fact]
    public async Task Messages_may_be_lost_and_come_twice_late_and_in_another_order()
    {
        await PutAsync("""[{"on":"pubsub:pubsub","do":"lose"}]""");
        await PublishAsync(1, 2);
        await PutAsync("""[{"on":"pubsub:pubsub","do":"repeat"}]""");
        await PublishAsync(3, 4);
        await PutAsync("""[{"on":"pubsub:pubsub","do":"reorder"}]""");
        await PublishAsync(5, 6, 7);
        await Eventually.Holds(() => Assert.Equal([3, 3, 4, 4, 6, 5, 7], Delivered()));

        var started = Stopwatch.GetTimestamp();
        await PutAsync("""[{"on":"pubsub:pubsub","do":"delay","ms":400},{"on":"pubsub:pubsub","do":"lose","app":"other"}]""");
        await PublishAsync(8);
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.Zero, TimeSpan.FromMilliseconds(399));
        await Eventually.Holds(() => Assert.Equal(8, Delivered()[^1]));
        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.FromMilliseconds(399), TimeSpan.FromSeconds(10));

        // The last one of all waits for no other.
        await PutAsync("""[{"on":"pubsub:pubsub","do":"reorder"}]""");
        await PublishAsync(9);
        await PutAsync("[]");
        await PublishAsync(10);
        await Eventually.Holds(() => Assert.Equal([9, 10], Delivered()[^2..].Order()));
    }

    [Fact]
    public async Task A_publication_may_fail_before_or_after_the_broker_has_it()
    {
        await PutAsync("""[{"on":"pubsub:pubsub","do":"fail-before"}]""");
        using var before = await _street.SendAsync(_sidecar, HttpMethod.Post, "/v1.0/publish/pubsub/t", """{"i":1}""");
        await PutAsync("""[{"on":"pubsub:pubsub","do":"fail-after"}]""");
        var request = new PublishEventRequest { PubsubName = "pubsub", Topic = "t", Data = ByteString.CopyFromUtf8("""{"i":2}"""), DataContentType = "application/json" };
        var after = await Assert.ThrowsAsync<RpcException>(async () => await _street.Grpc(_sidecar).PublishEventAsync(request, cancellationToken: Token));

        Assert.Equal((HttpStatusCode.InternalServerError, Grpc.Core.StatusCode.Internal), (before.StatusCode, after.StatusCode));
        Assert.StartsWith("""{"errorCode":"ERR_PUBSUB_PUBLISH_MESSAGE",""", await before.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
        await Eventually.Holds(() => Assert.Equal([2], Delivered()));
    }

    public async ValueTask DisposeAsync()
    {
        await _api.DisposeAsync();
        await _street.DisposeAsync();
        _http.Dispose();
    }

    private static SaveStateRequest Save(string value, string key = "k") =>
        new() { StoreName = "store", States = { new StateItem { Key = key, Value = ByteString.CopyFromUtf8(value) } } };

    private static GetStateRequest Get(string key = "k") => new() { StoreName = "store", Key = key };

    private static InvokeActorRequest Call() => new() { ActorType = "Cart", ActorId = "1", Method = "x", Data = ByteString.CopyFromUtf8("{}") };

    private List<int> Delivered() => [.. _app.At("/t").Select(a => a.Json.GetProperty("data").GetProperty("i").GetInt32())];

    private async Task PublishAsync(params int[] numbers)
    {
        foreach (var number in numbers)
        {
            await _street.PublishAsync(_sidecar, "t", $$"""{"i":{{number}}}""");
        }
    }

    private async Task<HttpStatusCode> SaveAsync(AppSidecar sidecar)
    {
        using var answer = await _street.SendAsync(sidecar, HttpMethod.Post, "/v1.0/state/store", """[{"key":"k","value":1}]""");
        return answer.StatusCode;
    }

    private async Task PutAsync(string list)
    {
        using var content = new StringContent(list, Encoding.UTF8, "application/json");
        using var answer = await _http.PutAsync(_address, content, Token);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(Token));
    }

    private Task<string> ListAsync() => _http.GetStringAsync(_address, Token);
}
