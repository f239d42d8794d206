namespace Benchmarks;

/// <summary>How many partitions are best, with one replica of the command service and with three.</summary>
internal static class SweepSection
{
    public static async Task RunAsync(Measuring measuring)
    {
        foreach (var replicas in new[] { 1, 3 })
        {
            foreach (var partitions in measuring.Quick ? [1, 8] : new[] { 1, 4, 8, 16 })
            {
                await using var system = await AccountSystem.StartAsync(new SystemSettings { Partitions = partitions, CommandReplicas = replicas });
                await CommandSection.WarmUpAsync(system, measuring);
                foreach (var connections in measuring.Quick ? [64] : new[] { 1, 64, 256 })
                {
                    await CommandSection.MeasureAsync(measuring, system, $"{partitions} × {replicas}", Workload.New, connections);
                }

                await measuring.VerifyAsync(system, $"{partitions} × {replicas}");
            }
        }
    }
}
