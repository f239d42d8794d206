using System.Net;
using Dapr.Client.Autogen.Grpc.v1;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Sidecar.Configuration;
using Sidecar.Faults;
using Sidecar.Server;
using TestSupport;

namespace Sidecar.Tests;

/// <summary>The policies of resiliency files around invocations and states: what is repeated, what is not, and what ends an attempt.</summary>
public sealed class ResiliencyTests : IAsyncLifetime
{
    private const string Save = """[{"key":"k","value":1}]""";
    private static readonly TimeSpan Soon = TimeSpan.FromMilliseconds(250);

    private readonly Street _street = new();
    private RecordingApp _app = null!;
    private AppSidecar _caller = null!;
    private Func<Asked, HttpContext, Task> _answer = (_, _) => Task.CompletedTask;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var (app, _) = await _street.MoveInAsync("callee", await RecordingApp.StartAsync(null, """{"entities":["Cart"]}""", (asked, http) => _answer(asked, http)));
        _app = app;
    }

    [Fact]
    public async Task A_failed_invocation_is_repeated_with_its_body_as_the_policy_of_its_target_says()
    {
        await OpenAsync(new PolicyNames(null, "twice"));
        Fail(2, 503);

        using var answer = await InvokeAsync("callee", "body");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(["body", "body", "body"], _app.At("/x").Select(a => a.Body));
    }

    [Fact]
    public async Task Without_a_policy_and_with_a_body_of_unknown_length_an_invocation_is_made_once()
    {
        await OpenAsync(null);
        Fail(9, 503);
        using var plain = await InvokeAsync("callee", "body");
        Assert.Equal((HttpStatusCode.ServiceUnavailable, 1), (plain.StatusCode, _app.At("/x").Count));

        await OpenAsync(new PolicyNames(null, "twice"));
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://127.0.0.1:{_caller.App.HttpPort}/v1.0/invoke/callee/method/x") { Content = new StringContent("body") };
        request.Headers.TransferEncodingChunked = true;
        using var chunked = await http.SendAsync(request, Token);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, 2), (chunked.StatusCode, _app.At("/x").Count));
    }

    [Theory]
    [InlineData(503, 1)]
    [InlineData(500, 3)]
    public async Task Only_status_codes_that_match_are_repeated_and_the_last_answer_is_passed_on_as_it_is(int status, int attempts)
    {
        await OpenAsync(new PolicyNames(null, "matching"));
        Fail(9, status);

        using var answer = await InvokeAsync("callee");

        Assert.Equal((status, attempts), ((int)answer.StatusCode, _app.At("/x").Count));
        Assert.Equal(("no", "yes"), (await answer.Content.ReadAsStringAsync(Token), answer.Headers.GetValues("X-From-App").Single()));
    }

    [Fact]
    public async Task Over_gRPC_whatever_failed_is_repeated()
    {
        await OpenAsync(new PolicyNames(null, "matching"));
        Fail(2, 503);
        var request = new InvokeServiceRequest { Id = "callee", Message = new InvokeRequest { Method = "x", HttpExtension = new HTTPExtension { Verb = HTTPExtension.Types.Verb.Post } } };

        await _street.Grpc(_caller).InvokeServiceAsync(request, cancellationToken: Token);
        Assert.Equal(3, _app.At("/x").Count);

        Fail(9, 503);
        var failure = await Assert.ThrowsAsync<RpcException>(async () => await _street.Grpc(_caller).InvokeServiceAsync(request, cancellationToken: Token));
        Assert.Equal((StatusCode.Unavailable, 6), (failure.StatusCode, _app.At("/x").Count));
    }

    [Fact]
    public async Task An_app_that_takes_too_long_is_called_again_and_then_it_is_an_error()
    {
        await OpenAsync(new PolicyNames("short", "twice"));
        _answer = (_, http) => Task.Delay(Timeout.Infinite, http.RequestAborted);

        using var answer = await InvokeAsync("callee");
        var failure = await Assert.ThrowsAsync<RpcException>(async () => await _street.Grpc(_caller).InvokeServiceAsync(
            new InvokeServiceRequest { Id = "callee", Message = new InvokeRequest { Method = "x", HttpExtension = new HTTPExtension { Verb = HTTPExtension.Types.Verb.Get } } },
            cancellationToken: Token));

        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.Equal(
            """{"errorCode":"ERR_DIRECT_INVOKE","message":"failed to invoke, id: callee, err: context deadline exceeded"}""",
            await answer.Content.ReadAsStringAsync(Token));
        Assert.Equal((StatusCode.DeadlineExceeded, 6), (failure.StatusCode, _app.At("/x").Count));
    }

    [Fact]
    public async Task An_app_that_is_not_there_yet_is_looked_for_again()
    {
        await OpenAsync(new PolicyNames(null, "always"));
        var call = InvokeAsync("late");
        Assert.NotEqual(call, await Task.WhenAny(call, Task.Delay(Soon, Token)));

        await _street.MoveInAsync("late", await RecordingApp.StartAsync(null, null));

        using var answer = await call;
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public async Task What_a_store_fails_is_repeated_until_it_succeeds()
    {
        await OpenAsync(new PolicyNames(null, "always"));
        using var first = await StateAsync(HttpMethod.Post, "", Save);
        _street.Neighbourhood.Faults.Replace([Fails]);

        Task<HttpResponseMessage>[] calls =
        [
            StateAsync(HttpMethod.Post, "", Save),
            StateAsync(HttpMethod.Post, "", """[{"key":"a","value":1},{"key":"b","value":1}]"""),
            StateAsync(HttpMethod.Post, "/transaction", """{"operations":[{"operation":"upsert","request":{"key":"t","value":1}}]}"""),
            StateAsync(HttpMethod.Get, "/k"),
            StateAsync(HttpMethod.Delete, "/other"),
        ];
        await Task.Delay(Soon, Token);
        Assert.DoesNotContain(calls, c => c.IsCompleted);
        _street.Neighbourhood.Faults.Replace([]);

        foreach (var answer in await Task.WhenAll(calls))
        {
            using (answer)
            {
                Assert.True(answer.IsSuccessStatusCode);
            }
        }
    }

    [Fact]
    public async Task A_conflict_is_repeated_in_a_transaction_and_in_a_delete_but_not_in_a_save()
    {
        await OpenAsync(new PolicyNames(null, "always"));
        using var first = await StateAsync(HttpMethod.Post, "", Save);
        var created = StateAsync(HttpMethod.Post, "/transaction", """{"operations":[{"operation":"upsert","request":{"key":"k","value":2,"options":{"concurrency":"first-write"}}}]}""");
        using var deleted = _street.Grpc(_caller).DeleteStateAsync(new DeleteStateRequest { StoreName = "store", Key = "k", Etag = new Etag { Value = "stale" } }, cancellationToken: Token);

        using var one = await StateAsync(HttpMethod.Post, "", """[{"key":"k","value":3,"etag":"stale"}]""");
        using var many = await StateAsync(HttpMethod.Post, "", """[{"key":"k","value":3,"etag":"stale"},{"key":"l","value":3}]""");
        var bulk = await Assert.ThrowsAsync<RpcException>(async () => await _street.Grpc(_caller).DeleteBulkStateAsync(
            new DeleteBulkStateRequest { StoreName = "store", States = { new StateItem { Key = "k", Etag = new Etag { Value = "stale" } } } }, cancellationToken: Token));
        Assert.Equal((HttpStatusCode.Conflict, HttpStatusCode.Conflict, StatusCode.Aborted), (one.StatusCode, many.StatusCode, bulk.StatusCode));
        await Task.Delay(Soon, Token);
        Assert.False(created.IsCompleted || deleted.ResponseAsync.IsCompleted);

        using var free = await StateAsync(HttpMethod.Delete, "/k");
        using var answer = await created;
        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
    }

    [Fact]
    public async Task A_store_that_takes_too_long_is_an_error_and_writes_all_the_same()
    {
        await OpenAsync(new PolicyNames("short", null));
        _street.Neighbourhood.Faults.Replace([Fails with { Do = FaultKind.Delay, Delay = TimeSpan.FromSeconds(1) }]);
        var grpc = _street.Grpc(_caller);

        using var saved = await StateAsync(HttpMethod.Post, "", Save);
        using var read = await StateAsync(HttpMethod.Get, "/k");
        var many = await Assert.ThrowsAsync<RpcException>(async () => await grpc.GetBulkStateAsync(new GetBulkStateRequest { StoreName = "store", Keys = { "k" } }, cancellationToken: Token));
        _street.Neighbourhood.Faults.Replace([]);

        Assert.Equal("""{"errorCode":"ERR_STATE_SAVE","message":"failed saving state in state store store: context deadline exceeded"}""", await saved.Content.ReadAsStringAsync(Token));
        Assert.Equal("""{"errorCode":"ERR_STATE_GET","message":"fail to get k from state store store: context deadline exceeded"}""", await read.Content.ReadAsStringAsync(Token));
        Assert.Equal(StatusCode.DeadlineExceeded, many.StatusCode);
        await Eventually.Holds(async () => Assert.Equal("1", (await grpc.GetStateAsync(new GetStateRequest { StoreName = "store", Key = "k" }, cancellationToken: Token)).Data.ToStringUtf8()));
    }

    [Fact]
    public async Task The_state_of_actors_is_under_the_policy_of_its_store()
    {
        _street.Neighbourhood.Faults.Replace([]);
        var file = Resiliency(new PolicyNames(null, "always"));
        var (_, home) = await _street.MoveInAsync("home", await RecordingApp.StartAsync(null, """{"entities":["Basket"]}"""), new Resources([Street.ActorStore()], [], [file]));
        using var called = await _street.SendAsync(home, HttpMethod.Put, "/v1.0/actors/Basket/1/method/x", "{}");
        _street.Neighbourhood.Faults.Replace([Fails]);

        var saved = _street.SendAsync(home, HttpMethod.Put, "/v1.0/actors/Basket/1/state", """[{"operation":"upsert","request":{"key":"s","value":1}}]""");
        Assert.NotEqual(saved, await Task.WhenAny(saved, Task.Delay(Soon, Token)));
        _street.Neighbourhood.Faults.Replace([]);

        using var answer = await saved;
        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
    }

    public async ValueTask DisposeAsync()
    {
        _street.Neighbourhood.Faults.Replace([]);
        await _street.DisposeAsync();
    }

    private static Fault Fails => new(Fault.State("store"), FaultKind.FailBefore, TimeSpan.Zero, 1, null);

    private static ResiliencyFile Resiliency(PolicyNames? names) => new()
    {
        Name = "r",
        File = "r.yaml",
        Timeouts = new Dictionary<string, TimeSpan> { ["short"] = TimeSpan.FromMilliseconds(400) },
        Retries = new Dictionary<string, RetryPolicy>
        {
            ["twice"] = new() { Duration = TimeSpan.FromMilliseconds(10), MaxRetries = 2 },
            ["matching"] = new() { Duration = TimeSpan.FromMilliseconds(10), MaxRetries = 2, HttpStatusCodes = "500-502" },
            ["always"] = new() { Duration = TimeSpan.FromMilliseconds(20) },
        },
        Apps = names is null ? new Dictionary<string, PolicyNames>() : new Dictionary<string, PolicyNames> { ["callee"] = names, ["late"] = names },
        Outbound = names is null ? new Dictionary<string, PolicyNames>() : new Dictionary<string, PolicyNames> { ["store"] = names },
    };

    private async Task OpenAsync(PolicyNames? names) => _caller = await _street.OpenAsync(
        new AppSpec { AppId = "caller", Directory = "/" }, new Resources([Street.ActorStore()], [], [Resiliency(names)]));

    private void Fail(int times, int status)
    {
        _answer = async (_, http) =>
        {
            if (Interlocked.Decrement(ref times) >= 0)
            {
                http.Response.StatusCode = status;
                http.Response.Headers["X-From-App"] = "yes";
                await http.Response.WriteAsync("no", Token);
            }
        };
    }

    private Task<HttpResponseMessage> InvokeAsync(string app, string? body = null) =>
        _street.SendAsync(_caller, body is null ? HttpMethod.Get : HttpMethod.Post, $"/v1.0/invoke/{app}/method/x", body);

    private Task<HttpResponseMessage> StateAsync(HttpMethod method, string path, string? body = null) =>
        _street.SendAsync(_caller, method, "/v1.0/state/store" + path, body);
}
