namespace Conformance.Tests;

/// <summary>The HTTP API, request by request as it was recorded.</summary>
public sealed class HttpGoldenTests
{
    public static TheoryData<string> Sidecars => Setting.SidecarsAndGiven;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory, MemberData(nameof(Sidecars))]
    public Task Every_request_with_SQLite_is_answered_as_recorded(string sidecar) => ReplayAsync(sidecar, "sqlite", everything: true, RecordedApp.Components);

    [Theory, MemberData(nameof(Sidecars))]
    public Task Every_request_with_the_in_memory_store_is_answered_as_recorded(string sidecar) => ReplayAsync(sidecar, "memory", everything: true, RecordedApp.Components);

    [Theory]
    [InlineData("redis")]
    [InlineData("postgres")]
    [InlineData("mysql")]
    public Task A_store_that_behaves_as_another_answers_states_as_that_one(string store) =>
        ReplayAsync(Setting.Embedded, store, everything: false, [RecordedApp.BehavingAs(store)]);

    private static async Task ReplayAsync(string sidecar, string store, bool everything, string[] components)
    {
        using var turn = await Setting.TurnAsync(sidecar);
        await using var app = await RecordedApp.StartAsync(Setting.AppPort(sidecar));
        await using var setting = await Setting.StartAsync(sidecar, "rec", app.Port, components);
        using var http = new GoldenHttp(setting.Http, setting.Headers);
        using var client = new HttpClient();
        var steps = GoldenStep.Read($"http-{store}.json");

        // Jobs are no part of what the suite describes; a given sidecar may have kept states of an earlier run.
        steps = [.. steps.Where(s => everything
            ? !s.Path.StartsWith("/v1.0-alpha1/jobs", StringComparison.Ordinal)
            : s.Path.StartsWith("/v1.0/state/", StringComparison.Ordinal))];
        foreach (var key in new[] { "h1", "h2", "h3", "h8", "hf", "t1", "t2", "t9" })
        {
            using var delete = new HttpRequestMessage(HttpMethod.Delete, new Uri(setting.Http, $"/v1.0/state/{store}/{key}"));
            foreach (var (name, value) in setting.Headers)
            {
                delete.Headers.Add(name, value);
            }

            (await client.SendAsync(delete, Token)).EnsureSuccessStatusCode();
        }

        var wrong = new List<string>();
        foreach (var step in steps)
        {
            if (await http.DifferenceAsync(step, Token) is { } difference)
            {
                wrong.Add($"{step.What} ({step.Method} {step.Path}): {difference}");
            }
        }

        Assert.NotEmpty(steps);
        Assert.True(wrong.Count == 0, $"{wrong.Count} of {steps.Count} steps differ:\n{string.Join('\n', wrong)}");
    }
}
