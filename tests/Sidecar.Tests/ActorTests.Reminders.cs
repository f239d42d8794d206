using System.Net;
using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Sidecar.Configuration;
using TestSupport;

namespace Sidecar.Tests;

// What actors are called for without being asked: reminders and timers, and all of it over gRPC.
public sealed partial class ActorTests
{
    [Fact]
    public async Task A_reminder_survives_a_restart_of_the_host_and_goes_to_the_replica_where_its_actor_lives()
    {
        var (_, sidecar) = await CartsAsync();
        Assert.Equal(HttpStatusCode.NoContent, await PutAsync(sidecar, "reminders/soon", """{"dueTime":"1s","period":"1s","data":{"a":1}}"""));
        Assert.Equal(HttpStatusCode.NoContent, await PutAsync(sidecar, "reminders/late", """{"dueTime":"1h"}"""));
        Assert.Equal(HttpStatusCode.NoContent, await PutAsync(sidecar, "reminders/gone", """{"dueTime":"1s"}"""));
        using (await _street.SendAsync(sidecar, HttpMethod.Delete, "/v1.0/actors/Cart/1/reminders/gone"))
        {
        }

        await _street.RestartAsync();
        var (one, first) = await CartsAsync();
        var (two, _) = await CartsAsync();

        await Eventually.True(() => one.Asked.Concat(two.Asked).Count(a => a.Path.EndsWith("/remind/soon", StringComparison.Ordinal)) > 2, "it ticks");
        Assert.DoesNotContain(one.Asked.Concat(two.Asked), a => a.Path.EndsWith("/remind/gone", StringComparison.Ordinal));
        Assert.Equal("""{"data":{"a":1},"dueTime":"","period":""}""", one.Asked.Concat(two.Asked).First(a => a.Method == "PUT").Body);
        using var late = await _street.SendAsync(first, HttpMethod.Get, "/v1.0/actors/Cart/1/reminders/late");
        Assert.Equal(HttpStatusCode.OK, late.StatusCode);
    }

    [Fact]
    public async Task A_reminder_whose_callback_fails_is_repeated_and_one_that_was_ended_is_not()
    {
        var failures = 1;
        var (app, sidecar) = await CartsAsync((asked, http) =>
        {
            if (asked.Path.EndsWith("/remind/fails", StringComparison.Ordinal))
            {
                http.Response.StatusCode = failures-- > 0 ? 500 : 200;
            }
            else
            {
                http.Response.Headers["X-DaprReminderCancel"] = "true";
            }

            return Task.CompletedTask;
        });
        await PutAsync(sidecar, "reminders/fails", """{"dueTime":"0s"}""");
        await PutAsync(sidecar, "reminders/ends", """{"dueTime":"0s","period":"100ms"}""");

        await Eventually.Holds(() => Assert.Equal(2, app.At("/actors/Cart/1/method/remind/fails").Count));
        Assert.Single(app.At("/actors/Cart/1/method/remind/ends"));
        await Eventually.True(
            async () =>
            {
                using var ended = await _street.SendAsync(sidecar, HttpMethod.Get, "/v1.0/actors/Cart/1/reminders/ends");
                return ended.StatusCode == HttpStatusCode.NotFound;
            },
            "the reminder is gone");
    }

    [Fact]
    public async Task Timers_tick_as_often_as_they_say_and_end_with_their_actor()
    {
        var (app, sidecar) = await CartsAsync(config: """{"entities":["Cart"],"actorIdleTimeout":"600ms"}""");
        await CallAsync(sidecar, "1");
        Assert.Equal(HttpStatusCode.NoContent, await PutAsync(sidecar, "timers/twice", """{"dueTime":"0s","period":"R2/PT1S","callback":"C","data":"AQI="}"""));
        Assert.Equal(HttpStatusCode.NoContent, await PutAsync(sidecar, "timers/replaced", """{"dueTime":"50ms"}"""));
        Assert.Equal(HttpStatusCode.NoContent, await PutAsync(sidecar, "timers/replaced", """{"dueTime":"1h"}"""));

        await Eventually.Holds(() => Assert.Single(app.Asked, a => a.Method == "DELETE"));

        Assert.Equal("""{"data":"AQI=","callback":"C","dueTime":"0s","period":"R2/PT1S"}""", app.At("/actors/Cart/1/method/timer/twice").Single().Body);
        Assert.Empty(app.At("/actors/Cart/1/method/timer/replaced"));
    }

    [Fact]
    public async Task Everything_is_there_over_gRPC_too()
    {
        var (app, sidecar) = await CartsAsync((asked, http) => http.Response.WriteAsync("<" + asked.Body + ">"));
        var client = _street.Grpc(sidecar);

        var reply = await client.InvokeActorAsync(
            new InvokeActorRequest { ActorType = "Cart", ActorId = "1", Method = "m", Data = ByteString.CopyFromUtf8("hi") }, cancellationToken: Token);
        await client.RegisterActorReminderAsync(
            new RegisterActorReminderRequest { ActorType = "Cart", ActorId = "1", Name = "r", DueTime = "1h", Period = "90s", Data = ByteString.CopyFrom(1, 2) }, cancellationToken: Token);
        var reminder = await client.GetActorReminderAsync(new GetActorReminderRequest { ActorType = "Cart", ActorId = "1", Name = "r" }, cancellationToken: Token);
        await client.UnregisterActorReminderAsync(new UnregisterActorReminderRequest { ActorType = "Cart", ActorId = "1", Name = "r" }, cancellationToken: Token);
        await client.RegisterActorTimerAsync(
            new RegisterActorTimerRequest { ActorType = "Cart", ActorId = "1", Name = "t", DueTime = "0s", Data = ByteString.CopyFrom(1, 2) }, cancellationToken: Token);
        await Eventually.Holds(() => Assert.Contains("\"data\":\"AQI=\"", Assert.Single(app.At("/actors/Cart/1/method/timer/t")).Body, StringComparison.Ordinal));
        await client.UnregisterActorTimerAsync(new UnregisterActorTimerRequest { ActorType = "Cart", ActorId = "1", Name = "t" }, cancellationToken: Token);

        Assert.Equal("<hi>", reply.Data.ToStringUtf8());
        Assert.Equal(("1h", "@every 1m30s"), (reminder.DueTime, reminder.Period));
        await FailsAsync(StatusCode.NotFound, () => client.GetActorReminderAsync(new GetActorReminderRequest { ActorType = "Cart", ActorId = "1", Name = "r" }));
        await FailsAsync(StatusCode.PermissionDenied, () => client.RegisterActorReminderAsync(new RegisterActorReminderRequest { ActorType = "Nope", ActorId = "1", Name = "r" }));
        await FailsAsync(StatusCode.InvalidArgument, () => client.InvokeActorAsync(new InvokeActorRequest { ActorType = "Cart", ActorId = "a/b", Method = "m" }));
        await FailsAsync(StatusCode.PermissionDenied, () => client.RegisterActorTimerAsync(new RegisterActorTimerRequest { ActorType = "dapr.internal.default.x.workflow", ActorId = "1", Name = "t" }));
    }

    [Fact]
    public async Task State_is_kept_under_the_actor_s_own_key_and_only_for_an_active_actor()
    {
        var store = Street.ActorStore() with { Metadata = new Dictionary<string, string> { ["actorStateStore"] = "true", ["keyPrefix"] = "none" } };
        var (_, sidecar) = await _street.MoveInAsync("cart", await RecordingApp.StartAsync(null, Config), new Resources([store], [], []));
        const string Body = """[{"operation":"upsert","request":{"key":"k","value":{"b":1,"a":"<"}}}]""";

        Assert.Equal(HttpStatusCode.BadRequest, await PutAsync(sidecar, "state", Body));
        await CallAsync(sidecar, "1");
        Assert.Equal(HttpStatusCode.NoContent, await PutAsync(sidecar, "state", Body));

        var row = await sidecar.States.ActorStore!.GetAsync("cart||Cart||1||k", Token);
        Assert.Equal("""{"a":"\u003c","b":1}""", System.Text.Encoding.UTF8.GetString(row!.Value.Span));
        var read = await _street.Grpc(sidecar).GetActorStateAsync(new GetActorStateRequest { ActorType = "Cart", ActorId = "1", Key = "k" }, cancellationToken: Token);
        Assert.Equal(row.Value.ToArray(), read.Data.ToByteArray());
    }

    private static async Task FailsAsync<T>(StatusCode code, Func<AsyncUnaryCall<T>> call) =>
        Assert.Equal(code, (await Assert.ThrowsAsync<RpcException>(async () => await call())).StatusCode);
}
