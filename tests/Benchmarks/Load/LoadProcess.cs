using System.Text.Json;

namespace Benchmarks;

/// <summary>
/// The load generator, which runs in a process of its own. Its plan comes as JSON in its one argument; it writes
/// <c>begin</c> and <c>end</c> around what is measured, and then the result as JSON.
/// </summary>
internal static class LoadProcess
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>Completions run where they are found, in one thread: no hand-over, and no lock that is ever waited for.</summary>
    public static IReadOnlyDictionary<string, string> Environment { get; } = new Dictionary<string, string>
    {
        ["DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS"] = "1",
        ["DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT"] = "1",
        ["DOTNET_TieredPGO"] = "0",
    };

    public static async Task<int> RunAsync(string planJson)
    {
        var plan = JsonSerializer.Deserialize<LoadPlan>(planJson)!;
        using var tally = new Tally(plan);
        using var lag = plan.Views is { } views ? new ViewLag(views) : null;
        tally.OnAcknowledged = lag is null ? null : lag.Offer;

        var pace = new Pace(plan.Rate, plan.Requests);
        var connections = Enumerable.Range(0, plan.Connections).Select(number =>
        {
            var server = plan.Servers[number % plan.Servers.Count];
            return new LoadConnection(server, new Requests(plan, number, $"localhost:{server.Port}"), pace, tally);
        }).ToList();
        try
        {
            pace.Begin(connections);
            if (plan.Requests > 0)
            {
                await pace.AllSentAsync();
            }

            await Task.Delay(TimeSpan.FromSeconds(plan.WarmUpSeconds));
            tally.Begin();
            lag?.Begin();
            var started = System.Diagnostics.Stopwatch.GetTimestamp();
            Console.WriteLine("begin");
            await Task.Delay(TimeSpan.FromSeconds(plan.Seconds));
            var seconds = System.Diagnostics.Stopwatch.GetElapsedTime(started).TotalSeconds;
            tally.End();
            Console.WriteLine("end");
            for (var missing = await pace.EndAsync(Patience); missing > 0; missing--)
            {
                tally.Failed("no answer");
            }

            Console.WriteLine(JsonSerializer.Serialize(tally.Result(seconds, lag?.End())));
            await Console.In.ReadToEndAsync();
            return 0;
        }
        finally
        {
            connections.ForEach(c => c.Dispose());
        }
    }
}
