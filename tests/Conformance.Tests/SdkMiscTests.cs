using System.Text.Json;
using Dapr;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using TestSupport;

namespace Conformance.Tests;

/// <summary>What the SDK sees of metadata, secrets, invocation and argument errors.</summary>
public sealed class SdkMiscTests
{
    public static TheoryData<string> Sidecars => Setting.Sidecars;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory, MemberData(nameof(Sidecars))]
    public async Task The_SDK_sees_what_it_saw_of_Dapr(string sidecar)
    {
        var golden = Golden.Read("misc.json").EnumerateArray().ToDictionary(g => g.GetProperty("what").GetString()!);
        await using var app = await RecordingApp.StartAsync("[]", """{"entities":["EchoActor","PartActor"]}""", AnswerAsync);
        await using var setting = await Setting.StartAsync(sidecar, "probe", app.Port, RecordedApp.Components);
        using var client = setting.Client();

        var metadata = await client.GetMetadataAsync(Token);
        var wanted = golden["metadata"].GetProperty("result");
        Assert.Equal(wanted.GetProperty("id").GetString(), metadata.Id);
        Assert.Equal(["daprRuntimeVersion"], metadata.Extended.Keys);
        Assert.Equal(
            wanted.GetProperty("actors").EnumerateArray().Select(a => (a.GetProperty("type").GetString(), a.GetProperty("count").GetInt32())).Order(),
            metadata.Actors.Select(a => ((string?)a.Type, a.Count)).Order());
        var components = wanted.GetProperty("comps").EnumerateArray().ToDictionary(c => c.GetProperty("name").GetString()!);
        Assert.Equal(["memory", "pubsub", "secrets", "sqlite"], metadata.Components.Select(c => c.Name).Order());
        Assert.All(metadata.Components, c => Assert.True(JsonElement.DeepEquals(components[c.Name], JsonSerializer.SerializeToElement(new
        {
            name = c.Name,
            type = c.Type,
            version = c.Version,
            capabilities = c.Capabilities,
        })), c.Name));

        await FailsAsync(golden["publish empty topic"], () => client.PublishEventAsync("pubsub", "", Token));
        await FailsAsync(golden["secret unknown store"], () => client.GetSecretAsync("nosecrets", "X", cancellationToken: Token));
        Assert.Equal("", (await client.GetSecretAsync("secrets", "NOPE_X", cancellationToken: Token))["NOPE_X"]);

        await client.SetMetadataAsync("mykey", "myval", Token);
        Assert.Equal("myval", (await client.GetMetadataAsync(Token)).Extended["mykey"]);
    }

    [Theory, MemberData(nameof(Sidecars))]
    public async Task Invocation_passes_everything_through(string sidecar)
    {
        var golden = Golden.Read("misc.json").EnumerateArray().ToDictionary(g => g.GetProperty("what").GetString()!);
        await using var app = await RecordingApp.StartAsync("[]", "{}", AnswerAsync);
        await using var setting = await Setting.StartAsync(sidecar, "probe", app.Port, RecordedApp.Components);
        using var dapr = setting.Client();
        using var client = dapr.CreateInvokableHttpClient("probe");
        using var stranger = dapr.CreateInvokableHttpClient("nobody");

        using var get = await client.GetAsync("/hello/world?y=1", Token);
        var wanted = golden["invoke GET"].GetProperty("result");
        Assert.Equal(wanted.GetProperty("s").GetInt32(), (int)get.StatusCode);
        Assert.Equal(wanted.GetProperty("body").GetString(), await get.Content.ReadAsStringAsync(Token));
        foreach (var line in wanted.GetProperty("h").GetString()!.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var (name, value) = (line.Split(": ")[0], line.Split(": ")[1]);
            Assert.True(get.Headers.TryGetValues(name, out var found), $"{name} is absent");
            Assert.True(value == "DATE" || Golden.Normal(found.Single()) == value, $"{name} is {found.Single()}");
        }

        using var teapot = await client.GetAsync("/teapot", Token);
        Assert.Equal(golden["invoke 418"].GetProperty("result").GetProperty("s").GetInt32(), (int)teapot.StatusCode);
        Assert.Equal(golden["invoke 418"].GetProperty("result").GetProperty("body").GetString(), await teapot.Content.ReadAsStringAsync(Token));

        using var unknown = await stranger.GetAsync("/x", Token);
        Assert.Equal(golden["invoke unknown app"].GetProperty("result").GetProperty("s").GetInt32(), (int)unknown.StatusCode);
        Assert.Equal(golden["invoke unknown app"].GetProperty("result").GetProperty("body").GetString(), await unknown.Content.ReadAsStringAsync(Token));
    }

    private static async Task AnswerAsync(Asked asked, HttpContext http)
    {
        http.Response.Headers.Server = "Kestrel";
        if (asked.Path == "/teapot")
        {
            http.Response.StatusCode = 418;
            return;
        }

        http.Response.Headers["X-Mine"] = "1";
        await http.Response.WriteAsync(
            $$"""{"x":"{{asked.Path.Split('/')[^1]}}","q":"{{http.Request.QueryString}}","m":"{{asked.Method}}"}""", Token);
    }

    private static async Task FailsAsync(JsonElement golden, Func<Task> call)
    {
        var failure = await Assert.ThrowsAnyAsync<Exception>(call);

        Assert.Equal(golden.GetProperty("exception").GetString(), failure is ArgumentException ? nameof(ArgumentException) : failure.GetType().Name);
        if (failure is DaprException { InnerException: RpcException inner })
        {
            Assert.Equal(golden.GetProperty("code").GetString(), inner.StatusCode.ToString());
            Assert.Equal(golden.GetProperty("detail").GetString(), inner.Status.Detail);
        }
        else
        {
            Assert.Equal(golden.GetProperty("detail").GetString(), failure.Message);
        }
    }
}
