namespace EventLog.Tests.Simulation;

public sealed class SimulationTests
{
    [Fact]
    public void The_guarantees_hold_in_every_schedule()
    {
        var (first, count) = Seeds();
        Parallel.For(first, first + count, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount }, seed => Schedule.Run(seed));
    }

    /// <summary>
    /// <c>SIMULATION_SEED=1234</c> replays one schedule, <c>SIMULATION_SCHEDULES=1000000</c> runs more of them.
    /// </summary>
    private static (int First, int Count) Seeds()
    {
        if (int.TryParse(Environment.GetEnvironmentVariable("SIMULATION_SEED"), out var seed))
        {
            return (seed, 1);
        }

        return (1, int.TryParse(Environment.GetEnvironmentVariable("SIMULATION_SCHEDULES"), out var count) ? count : 500);
    }
}
