using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using TestSupport;

namespace EventLog.Tests.Simulation;

public sealed class SimulationTests
{
    private const int Schedules = 20_000;

    /// <summary>
    /// <c>SIMULATION_SCHEDULES=1000000</c> runs more of them, <c>SIMULATION_FROM=20001</c> begins with another seed,
    /// <c>SIMULATION_SEED=1234</c> replays a single one.
    /// </summary>
    [Fact]
    public void The_guarantees_hold_in_every_schedule()
    {
        var single = Setting("SIMULATION_SEED");
        var first = single ?? Setting("SIMULATION_FROM") ?? 1;
        var count = single is null ? Setting("SIMULATION_SCHEDULES") ?? Schedules : 1;
        var failures = new SortedDictionary<int, string>();
        var last = first - 1;

        // Threads of their own: those of the pool are for the tests beside this one, which wait for real processes.
        var threads = Enumerable.Range(0, Environment.ProcessorCount).Select(_ => Behind.Start(Work)).ToList();
        threads.ForEach(thread => thread.Join());

        Assert.True(failures.Count == 0, string.Join('\n', failures.Select(f =>
            $"""
            {f.Value}
            To replay it: SIMULATION_SEED={f.Key} dotnet test --project tests/EventLog.Tests --filter-method '*{nameof(The_guarantees_hold_in_every_schedule)}'
            """)));

        void Work()
        {
            while (failures.Count == 0 && Interlocked.Increment(ref last) is var seed && seed < first + count)
            {
                try
                {
                    Schedule.Run(seed);
                }
                catch (Exception e)
                {
                    lock (failures)
                    {
                        failures[seed] = e.Message;
                    }
                }
            }
        }
    }

    [Fact]
    public void The_same_seed_gives_the_same_run()
    {
        foreach (var seed in Enumerable.Range(1, 40))
        {
            Assert.Equal(Digest(Schedule.Log(seed)), Digest(Schedule.Log(seed)));
        }
    }

    private static string Digest(SimulatedDatabase database)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (key, row) in database.Rows.OrderBy(r => r.Key, StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes(key));
            hash.AppendData(row.Value);
        }

        return Convert.ToHexString(hash.GetCurrentHash());
    }

    private static int? Setting(string name) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
