using System.Text.Json;
using Dapr;
using Dapr.Actors;
using Dapr.Actors.Client;
using Dapr.Actors.Runtime;
using Dapr.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using TestSupport;

namespace Conformance.Tests;

/// <summary>The SDK for actors on both sides, and the publish errors that the SDK shows.</summary>
public sealed class SdkActorTests
{
    private const string Store = """
        apiVersion: dapr.io/v1alpha1
        kind: Component
        metadata: {name: sqlite}
        spec:
          type: state.sqlite
          version: v1
          metadata:
            - {name: connectionString, value: actors.db}
            - {name: actorStateStore, value: "true"}
        """;

    private const string PubSub = """
        apiVersion: dapr.io/v1alpha1
        kind: Component
        metadata: {name: pubsub}
        spec: {type: pubsub.in-memory, version: v1, metadata: []}
        """;

    public static TheoryData<string> Sidecars => Setting.Sidecars;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory, MemberData(nameof(Sidecars))]
    public async Task Actors_of_the_SDK_work_as_on_Dapr(string sidecar)
    {
        var golden = Golden.Read("misc.json").EnumerateArray().ToDictionary(g => g.GetProperty("what").GetString()!);
        var port = FreePorts.Next();
        var ticks = new Ticks();
        var (http, grpc) = (FreePorts.Next(), FreePorts.Next());
        await using var app = await StartAppAsync(port, http, ticks);
        await using var setting = await Setting.StartAsync(sidecar, "probe", port, (http, grpc), Store, PubSub);
        var actors = new ActorProxyFactory(new ActorProxyOptions { HttpEndpoint = setting.Http.ToString(), RequestTimeout = TimeSpan.FromSeconds(30) });
        var actor = actors.Create(new ActorId("1"), "EchoActor");

        Assert.Equal(golden["actor echo"].GetProperty("result").GetString(), await actor.InvokeMethodAsync<string, string>("Echo", "hi", Token));
        await FailsAsync(golden["actor throws"], () => actor.InvokeMethodAsync("Throw", Token));
        await FailsAsync(golden["actor unknown method"], () => actor.InvokeMethodAsync("Nothing", Token));
        await FailsAsync(golden["actor unknown type"], () => actors.Create(new ActorId("1"), "NoActor").InvokeMethodAsync("X", Token));
        Assert.Equal(golden["actor state"].GetProperty("result").GetInt32(), await actor.InvokeMethodAsync<int>("Count", Token));
        Assert.Equal(2, await actor.InvokeMethodAsync<int>("Count", Token));

        var strongly = actors.CreateActorProxy<IEchoActor>(new ActorId("3"), "EchoActor");
        Assert.Equal("hi!", await strongly.Echo("hi"));
        var thrown = await Assert.ThrowsAsync<ActorMethodInvocationException>(() => strongly.Throw());
        Assert.Contains("thrown by the actor", thrown.InnerException!.Message, StringComparison.Ordinal);

        await actors.Create(new ActorId("2"), "EchoActor").InvokeMethodAsync("Schedule", Token);
        await Eventually.True(() => ticks.Seen.Count(t => t == "T") > 1 && ticks.Seen.Count(t => t == "R2") > 1, "timer and reminder have ticked twice");
        await actors.Create(new ActorId("2"), "EchoActor").InvokeMethodAsync("Unschedule", Token);
    }

    [Theory, MemberData(nameof(Sidecars))]
    public async Task Publish_errors_reach_the_SDK(string sidecar)
    {
        var golden = Golden.Read("misc.json").EnumerateArray().ToDictionary(g => g.GetProperty("what").GetString()!);
        await using var app = await RecordingApp.StartAsync("[]", null);
        await using var setting = await Setting.StartAsync(sidecar, "probe", app.Port, PubSub);
        using var client = new DaprClientBuilder().UseHttpEndpoint(setting.Http.ToString()).UseGrpcEndpoint(setting.Grpc.ToString()).Build();

        var unknown = await Assert.ThrowsAsync<DaprException>(() => client.PublishEventAsync("nops", "t", 1, Token));
        var status = Assert.IsType<Grpc.Core.RpcException>(unknown.InnerException);
        var expected = golden["publish unknown pubsub"];
        Assert.Equal((expected.GetProperty("code").GetString(), expected.GetProperty("detail").GetString()), (status.StatusCode.ToString(), status.Status.Detail));

        var bulk = await client.BulkPublishEventAsync("pubsub", "t", [.. Enumerable.Range(0, 3)], cancellationToken: Token);
        Assert.Equal(golden["bulk publish"].GetProperty("result").GetInt32(), bulk.FailedEntries.Count);
    }

    private static async Task FailsAsync(JsonElement golden, Func<Task> call)
    {
        var failure = await Assert.ThrowsAsync<DaprApiException>(call);

        Assert.Equal(golden.GetProperty("extra").GetString(), failure.ErrorCode);
        Assert.StartsWith(golden.GetProperty("detail").GetString()!, failure.Message, StringComparison.Ordinal);
    }

    private static async Task<WebApplication> StartAppAsync(int port, int daprHttp, Ticks ticks)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        builder.Services.AddSingleton(ticks);
        builder.Services.AddActors(options =>
        {
            options.HttpEndpoint = $"http://127.0.0.1:{daprHttp}";
            options.Actors.RegisterActor<EchoActor>();
        });
        var app = builder.Build();
        app.MapActorsHandlers();
        await app.StartAsync(Token);
        return app;
    }

    public interface IEchoActor : IActor
    {
        Task<string> Echo(string text);

        Task Throw();

        Task<int> Count();

        Task Schedule();

        Task Unschedule();
    }

    internal sealed class Ticks
    {
        private readonly System.Collections.Concurrent.ConcurrentQueue<string> _seen = new();

        public IReadOnlyCollection<string> Seen => _seen;

        public void Add(string tick) => _seen.Enqueue(tick);
    }

    internal sealed class EchoActor(ActorHost host, Ticks ticks) : Actor(host), IEchoActor, IRemindable
    {
        public Task<string> Echo(string text) => Task.FromResult(text + "!");

        public Task Throw() => throw new InvalidOperationException("thrown by the actor");

        public async Task<int> Count()
        {
            var count = await StateManager.GetOrAddStateAsync("count", 0) + 1;
            await StateManager.SetStateAsync("count", count);
            return count;
        }

        public async Task Schedule()
        {
            await RegisterTimerAsync("tim", nameof(OnTimer), [1, 2], TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(1));
            await RegisterReminderAsync("rem", [1, 2], TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(1));
        }

        public async Task Unschedule()
        {
            var reminder = await GetReminderAsync("rem");
            Assert.Equal(TimeSpan.FromSeconds(1), reminder.Period);
            await UnregisterTimerAsync("tim");
            await UnregisterReminderAsync("rem");
        }

        public Task OnTimer(byte[] state)
        {
            ticks.Add("T");
            return Task.CompletedTask;
        }

        public Task ReceiveReminderAsync(string reminderName, byte[] state, TimeSpan dueTime, TimeSpan period)
        {
            ticks.Add($"R{state.Length}");
            return Task.CompletedTask;
        }
    }
}
