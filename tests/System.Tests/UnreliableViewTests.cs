using TestSupport;

namespace SystemTests;

/// <summary>Views are made over a broker, a store and routes that fail, and are in the end what the log says.</summary>
[Collection(ThreeReplicasTests.Name)]
public class UnreliableViewTests(ThreeReplicas replicas, ITestOutputHelper output)
{
    private const string Faults = """
        [{"on":"pubsub:wakeups","do":"lose","rate":0.4},{"on":"pubsub:wakeups","do":"repeat","rate":0.4},{"on":"pubsub:wakeups","do":"reorder","rate":0.4},
         {"on":"pubsub:events","do":"fail-after","rate":0.2},{"on":"state:views","do":"fail-before","rate":0.2},{"on":"state:views","do":"fail-after","rate":0.2},
         {"on":"state:event-log","do":"fail-before","rate":0.2},{"on":"state:event-log","do":"fail-after","rate":0.2},{"on":"actors","do":"block"}]
        """;

    [Fact]
    public async Task Views_are_equal_to_the_log_although_wake_ups_are_lost_stores_fail_and_actors_are_away()
    {
        OwnSystem.SkipUnlessOurs();
        await using var load = await CommandLoad.StartAsync(replicas.Addresses, 2, replicas.Acknowledged, TimeSpan.Zero);
        await replicas.FaultsAsync(Faults);
        var rate = await load.RateAsync(TimeSpan.FromSeconds(6));
        await load.EndAsync();
        var unknown = load.Attempts.Count(a => a.Status == 503);
        await replicas.FaultsAsync("[]");
        output.WriteLine($"{rate:0} commands/s; {unknown} answers of {load.Attempts.Count} were 503");
        Assert.Empty(load.Surprises);
        Assert.All(load.Attempts, a => Assert.Contains(a.Status, (int[])[200, 201, 409, 412, 503]));

        var accounts = replicas.System.Accounts;
        foreach (var (number, version) in load.Versions)
        {
            var shown = await accounts.Shown(number, version, TimeSpan.FromSeconds(20));
            Assert.Equal(version, shown.Version);
            var events = await Eventually.Gives(async () =>
            {
                var all = await accounts.Events(number);
                Assert.Equal(version, all.Count);
                return all;
            });
            Assert.Equal(Enumerable.Range(1, (int)version), events.Select(e => e.GetProperty("version").GetInt32()));
            var types = events.Select(e => e.GetProperty("type").GetString()!).ToList();
            Assert.Equal(types[^1] == "ACCOUNT_SUSPENDED" ? "ACCOUNT_SUSPENDED" : "ACCOUNT_ACTIVE", shown.AccountStatus);
            if (!load.Shared.Contains(number))
            {
                Assert.Equal(Enumerable.Range(1, (int)version).Select(v => CommandLoad.EventAt(v)), types);
            }
        }

        await replicas.VerifyLogAsync();
        await replicas.VerifyViewsAsync();
    }
}
