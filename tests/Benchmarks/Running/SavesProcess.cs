using System.Diagnostics;
using System.Text.Json;
using Dapr.Client;

namespace Benchmarks;

/// <summary>What <see cref="SavesProcess"/> is to do.</summary>
/// <param name="Grpc">The sidecar's gRPC address.</param>
/// <param name="Store">The component.</param>
/// <param name="Prefix">What its keys begin with; the same ones may not be there.</param>
/// <param name="Callers">How many save side by side, each one key after the other.</param>
/// <param name="Seconds">How long is measured, after a second of warming up.</param>
internal sealed record SavesPlan(Uri Grpc, string Store, string Prefix, int Callers, double Seconds);

/// <summary>
/// Durable saves of single keys through a sidecar, by Dapr's SDK, as the event log does them: first-write, without an ETag, of
/// as many bytes as a record of one command has.
/// </summary>
internal static class SavesProcess
{
    private const int Bytes = 800;
    private static readonly StateOptions Create = new() { Concurrency = ConcurrencyMode.FirstWrite, Consistency = ConsistencyMode.Strong };

    public static async Task<int> RunAsync(string planJson)
    {
        var plan = JsonSerializer.Deserialize<SavesPlan>(planJson)!;
        var dapr = new DaprClientBuilder().UseGrpcEndpoint(plan.Grpc.ToString()).Build();
        var value = JsonSerializer.SerializeToUtf8Bytes(new { text = new string('x', Bytes - 11) });
        var latencies = new Latencies();
        var (measuring, ended, failed) = (false, false, 0L);
        var callers = Enumerable.Range(0, plan.Callers).Select(caller => Task.Run(() => SaveAsync(caller))).ToList();
        await Task.Delay(TimeSpan.FromSeconds(1));
        Volatile.Write(ref measuring, true);
        var started = Stopwatch.GetTimestamp();
        Console.WriteLine("begin");
        await Task.Delay(TimeSpan.FromSeconds(plan.Seconds));
        Volatile.Write(ref measuring, false);
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        Console.WriteLine("end");
        Volatile.Write(ref ended, true);
        await Task.WhenAll(callers);
        Console.WriteLine(JsonSerializer.Serialize(new LoadResult
        {
            PerSecond = latencies.Count / seconds,
            Answered = latencies.Count,
            Failed = failed == 0 ? new Dictionary<string, long>() : new Dictionary<string, long> { ["save"] = failed },
            P50 = latencies.Percentile(0.5),
            P95 = latencies.Percentile(0.95),
            P99 = latencies.Percentile(0.99),
        }));
        await Console.In.ReadToEndAsync();
        return 0;

        async Task SaveAsync(int caller)
        {
            for (var i = 0; !Volatile.Read(ref ended); i++)
            {
                var asked = Stopwatch.GetTimestamp();
                try
                {
                    await dapr.SaveByteStateAsync(plan.Store, $"{plan.Prefix}.{caller}.{i}", value, Create);
                }
                catch (Dapr.DaprException)
                {
                    Interlocked.Increment(ref failed);
                }

                if (Volatile.Read(ref measuring))
                {
                    lock (latencies)
                    {
                        latencies.Add(Stopwatch.GetElapsedTime(asked));
                    }
                }
            }
        }
    }
}
