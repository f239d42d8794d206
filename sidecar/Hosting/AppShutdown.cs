namespace Sidecar.Hosting;

/// <summary>Ends apps so that no process stays behind.</summary>
internal static class AppShutdown
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Asks all apps to end, waits up to 10 s (not at all once <paramref name="kill"/> is cancelled), kills those that
    /// still live, and then whatever they have left behind.
    /// </summary>
    public static async Task RunAsync(IReadOnlyList<AppProcess> apps, HostConsole console, CancellationToken kill)
    {
        // On systems without adoption, a child is found only while its parent lives.
        var before = Processes.Descendants();
        var living = apps.Where(a => !a.Exited.IsCompleted).ToList();
        living.ForEach(a => Processes.Terminate(a.Id));
        try
        {
            await Task.WhenAll(living.Select(a => a.Exited)).WaitAsync(Grace, kill);
        }
        catch (TimeoutException)
        {
            foreach (var app in living.Where(a => !a.Exited.IsCompleted))
            {
                console.Line($"{app.Label} has not ended within {Grace.TotalSeconds:0} s and is killed.");
            }
        }
        catch (OperationCanceledException)
        {
            console.Line("Killing all apps.");
        }

        living.Where(a => !a.Exited.IsCompleted).ToList().ForEach(a => a.KillTree());
        for (var round = 0; round < 10; round++)
        {
            var left = Processes.Descendants();
            left.UnionWith(Alive(before));
            if (left.Count == 0)
            {
                break;
            }

            foreach (var id in left)
            {
                Processes.Kill(id);
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), CancellationToken.None);
        }

        foreach (var app in apps)
        {
            app.Dispose();
        }
    }

    private static IEnumerable<int> Alive(HashSet<int> before) =>
        OperatingSystem.IsMacOS() ? before.Where(Processes.IsAlive) : [];
}
