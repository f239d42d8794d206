using System.Net;
using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Sidecar.Configuration;
using TestSupport;

namespace Sidecar.Tests;

public sealed class InvocationTests : IAsyncDisposable
{
    private const string Parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    private readonly Street _street = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Replicas_take_turns_and_only_those_that_are_well()
    {
        var well = true;
        var (one, _) = await _street.MoveInAsync("callee", await RecordingApp.StartAsync(null, null));
        var (two, second) = await _street.MoveInAsync(
            "callee",
            await RecordingApp.StartAsync(null, null, (asked, http) =>
            {
                http.Response.StatusCode = asked.Path == "/health" && !well ? 500 : 200;
                return Task.CompletedTask;
            }),
            health: new AppHealthCheck("/health", TimeSpan.FromMilliseconds(30), TimeSpan.FromSeconds(5), 3));
        var caller = await _street.OpenAsync(new AppSpec { AppId = "caller", Directory = "/" });
        await Eventually.True(() => second.AppIsHealthy, "the second replica is well");

        await InvokeAsync(10);
        Assert.Equal((5, 5), (one.At("/x").Count, two.At("/x").Count));

        well = false;
        await Eventually.True(() => !second.AppIsHealthy, "the second replica is unwell");
        await InvokeAsync(4);
        Assert.Equal((9, 5), (one.At("/x").Count, two.At("/x").Count));

        well = true;
        await Eventually.True(() => second.AppIsHealthy, "the second replica is well again");

        async Task InvokeAsync(int times)
        {
            for (var i = 0; i < times; i++)
            {
                using var answer = await _street.SendAsync(caller, HttpMethod.Get, "/v1.0/invoke/callee/method/x");
                Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            }
        }
    }

    [Fact]
    public async Task The_callee_learns_who_calls_and_the_trace_goes_on()
    {
        var (callee, itself) = await _street.MoveInAsync("callee", await RecordingApp.StartAsync(null, null));
        var caller = await _street.OpenAsync(new AppSpec { AppId = "caller", Directory = "/" });

        using var other = await _street.SendAsync(caller, HttpMethod.Get, "/v1.0/invoke/callee/method/x", headers: ("traceparent", Parent));
        using var self = await _street.SendAsync(itself, HttpMethod.Get, "/v1.0/invoke/callee/method/x");

        var headers = callee.At("/x")[0].Headers;
        Assert.Equal(("caller", "default", "callee"), (headers["dapr-caller-app-id"], headers["dapr-caller-namespace"], headers["dapr-callee-app-id"]));
        Assert.StartsWith(Parent[..36], headers["traceparent"], StringComparison.Ordinal);
        Assert.NotEqual(Parent, headers["traceparent"]);
        Assert.DoesNotContain("dapr-caller-app-id", callee.At("/x")[1].Headers.Keys);
        Assert.True(other.Headers.Contains("traceparent"));
    }

    [Theory]
    [InlineData(HttpStatusCode.OK, StatusCode.OK)]
    [InlineData(HttpStatusCode.NotFound, StatusCode.NotFound)]
    [InlineData(HttpStatusCode.ServiceUnavailable, StatusCode.Unavailable)]
    public async Task The_gRPC_form_has_the_answer_or_the_status_as_a_code(HttpStatusCode status, StatusCode code)
    {
        var (_, sidecar) = await _street.MoveInAsync("callee", await RecordingApp.StartAsync(null, null, async (asked, http) =>
        {
            http.Response.StatusCode = (int)status;
            http.Response.ContentType = "text/plain";
            await http.Response.WriteAsync($"{asked.Method} {asked.Path} {http.Request.QueryString} {asked.Body}", Token);
        }));
        var request = new InvokeServiceRequest
        {
            Id = "callee",
            Message = new InvokeRequest
            {
                Method = "a/b",
                Data = new Any { Value = ByteString.CopyFromUtf8("body") },
                HttpExtension = new HTTPExtension { Verb = HTTPExtension.Types.Verb.Put, Querystring = "c=d" },
            },
        };

        var call = _street.Grpc(sidecar).InvokeServiceAsync(request, cancellationToken: Token);
        var failure = await Record.ExceptionAsync(() => call.ResponseAsync);

        Assert.Equal(code, failure is RpcException e ? e.StatusCode : StatusCode.OK);
        if (failure is null)
        {
            var response = await call;
            Assert.Equal("PUT /a/b ?c=d body", response.Data.Value.ToStringUtf8());
            Assert.Equal("text/plain", response.ContentType);
        }
    }

    [Fact]
    public async Task An_app_that_cannot_be_reached_is_an_error_of_the_sidecar()
    {
        var caller = await _street.OpenAsync(new AppSpec { AppId = "caller", Directory = "/" });
        var (app, _) = await _street.MoveInAsync("callee", await RecordingApp.StartAsync(null, null));
        await app.DisposeAsync();

        foreach (var (path, why) in new[]
        {
            ("/v1.0/invoke/callee/method/x", "failed to invoke, id: callee, err: rpc error: "),
            ("/v1.0/invoke/nobody/method/x", "failed to invoke, id: nobody, err: couldn't find service: nobody"),
            ("/v1.0/invoke/caller/method/x", "failed to invoke, id: caller, err: rpc error: "),
        })
        {
            using var answer = await _street.SendAsync(caller, HttpMethod.Get, path);
            Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
            Assert.StartsWith(
                $$"""{"errorCode":"ERR_DIRECT_INVOKE","message":"{{why}}""", await answer.Content.ReadAsStringAsync(Token), StringComparison.Ordinal);
        }
    }

    public ValueTask DisposeAsync() => _street.DisposeAsync();
}
