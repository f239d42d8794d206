using System.Text.Json;
using Accounts.Contracts;
using Accounts.Domain;
using Accounts.Processor.Tests.InProcess;
using EventLog;
using TestSupport;

namespace Accounts.Processor.Tests;

/// <summary>Everything from the log to the rows in one process, with failures that a test chooses.</summary>
public class MechanismTests
{
    private static readonly string[] ViewsOnly = ["Onboarding:Enabled=false"];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static async Task<string?> Status(AccountWorld world, string number) =>
        world.Row(RowKeys.Account(await world.At(), number), ContractsJson.Default.AccountRow)?.Account.Status;

    private static async Task<long[]> Checkpoints(AccountWorld world, string function)
    {
        var at = await world.At();
        return [.. Enumerable.Range(0, AccountWorld.Partitions).Select(partition =>
            world.Row(RowKeys.Checkpoint(at, function, partition), ContractsJson.Default.CheckpointRow)?.Position ?? -1)];
    }

    private static Task ViewsEqualTheLog(AccountWorld world, TimeSpan? within = null) => world.ViewsEqualTheLog(within: within);

    private static async Task Work(AccountWorld world, int seed, int commands)
    {
        var chance = new Random(seed);
        string[] names = ["confirm", "activate", "suspend", "archive", "make-default", "clear-default"];
        await Parallel.ForEachAsync(Enumerable.Range(0, commands), new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (_, _) =>
        {
            string number;
            string name;
            lock (chance)
            {
                (number, name) = ($"W{seed}-{chance.Next(60)}", names[chance.Next(names.Length)]);
            }

            var outcome = await world.Send(number, AccountCommand.Named(name)!);
            if (outcome is { Kind: OutcomeKind.Refused, State: null })
            {
                await world.Create(number);
            }
        });
    }

    [Fact]
    public async Task A_created_account_comes_alive_by_itself_and_its_history_tells_how()
    {
        await using var world = new AccountWorld();
        world.Start();

        await world.Create("A-1");

        await Eventually.Holds(async () => Assert.Equal("ACCOUNT_ACTIVE", await Status(world, "A-1")), TimeSpan.FromSeconds(2));
        await ViewsEqualTheLog(world);
        var events = (await world.ReadAll()).SelectMany(record => record.Events).ToList();
        Assert.Equal(["ACCOUNT_CREATED", "ACCOUNT_CONFIRMED", "ACCOUNT_ACTIVATED"], events.Select(recorded => recorded.Event.Name));
        Assert.Equal([.. events.Take(2).Select(recorded => recorded.EventId)], world.Keys.Select(key => key.Split('.')[1]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Two_replicas_at_once_and_a_store_that_fails_leave_the_views_equal_to_the_log(bool likeRedis)
    {
        await using var world = new AccountWorld(new SimulatedStore { LikeRedis = likeRedis });
        static void Silent(Replica replica) => replica.Call = (_, _, _) => throw new IOException("no actors");
        world.Start(Silent, ViewsOnly);
        world.Start(Silent, ViewsOnly);
        await Work(world, 1, 50);
        var chance = new Random(7);
        world.Views.BeforeWrite = _ => chance.Next(20) == 0 ? throw new IOException("away") : Task.CompletedTask;
        world.Views.AfterWrite = _ => Throw(chance.Next(20) == 0);
        world.Views.BeforeRead = _ => Throw(chance.Next(30) == 0);

        await Work(world, 2, 800);

        await ViewsEqualTheLog(world);

        static void Throw(bool now)
        {
            if (now)
            {
                throw new IOException("no answer");
            }
        }
    }

    [Fact]
    public async Task A_processor_may_be_killed_anywhere_also_between_rows_and_checkpoint()
    {
        await using var world = new AccountWorld();
        var chance = new Random(3);
        for (var life = 0; life < 12; life++)
        {
            var replica = world.Start();
            var writes = chance.Next(60);
            world.Views.AfterWrite = _ =>
            {
                if (Interlocked.Decrement(ref writes) == 0)
                {
                    replica.Kill();
                }
            };
            await Work(world, 10 + life, 60);
            replica.Kill();
        }

        world.Views.AfterWrite = _ => { };
        world.Start();

        await ViewsEqualTheLog(world);
    }

    [Fact]
    public async Task Wake_ups_may_be_lost_all_of_them_or_come_late_and_twice()
    {
        await using var world = new AccountWorld { OnWakeUp = _ => { } };
        var replica = world.Start(ViewsOnly);
        await Work(world, 1, 100);
        await ViewsEqualTheLog(world, TimeSpan.FromSeconds(10));

        var heard = new List<WakeUp>();
        world.OnWakeUp = wakeUp =>
        {
            lock (heard)
            {
                heard.Add(wakeUp);
            }
        };
        await Work(world, 2, 100);
        await ViewsEqualTheLog(world);
        foreach (var wakeUp in heard.AsEnumerable().Reverse().Concat(heard).Append(new WakeUp(99, 1, [new WakeUp(-1, 1), null!])))
        {
            replica.Host.Wake(wakeUp);
        }

        await Work(world, 3, 20);
        await ViewsEqualTheLog(world);
    }

    [Fact]
    public async Task A_wake_up_wakes_every_partition_that_it_names()
    {
        await using var world = new AccountWorld { OnWakeUp = _ => { } };
        var replica = world.Start(ViewsOnly);
        await Eventually.True(() => replica.Host.NotReady is null, "the replica is ready");

        // Nobody looks by himself: that would be one key of each partition.
        world.Records.BeforeRead = keys =>
        {
            if (keys.Count > 1 && keys.CountBy(key => key[..key.IndexOf('}', StringComparison.Ordinal)]).All(ofPartition => ofPartition.Value == 1))
            {
                throw new IOException("The look is blind.");
            }
        };
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => world.Create($"A-{i}")));
        var ends = (await world.ReadAll()).GroupBy(record => record.Position.Partition)
            .Select(ofPartition => new WakeUp(ofPartition.Key, ofPartition.Max(record => record.Position.Position))).ToList();
        Assert.Equal(AccountWorld.Partitions, ends.Count);

        replica.Host.Wake(ends[0] with { Others = ends[1..] });

        await ViewsEqualTheLog(world);
    }

    [Fact]
    public async Task A_wake_up_goes_to_the_replica_that_holds_the_partition()
    {
        await using var world = new AccountWorld();
        var holder = world.Start();
        await Eventually.True(() => holder.Host.NotReady is null, "the holder is ready");
        var other = world.Start(replica => replica.Call = holder.Routes.ReceivedAsync);
        await Eventually.True(() => other.Host.NotReady is null, "the other is ready");
        world.OnWakeUp = other.Host.Wake;

        // All that it could do itself is taken from it.
        other.Records.Dead = other.Views.Dead = true;
        await world.Create("A-1");

        await Eventually.Holds(async () => Assert.Equal("ACCOUNT_ACTIVE", await Status(world, "A-1")), TimeSpan.FromSeconds(1));
        Assert.DoesNotContain(Enumerable.Range(0, AccountWorld.Partitions), other.Routes.Holds);
        Assert.DoesNotContain(other.Log, line => line.Contains("their routes are silent", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_route_that_falls_silent_stops_views_for_less_than_five_seconds()
    {
        await using var world = new AccountWorld();
        var holder = world.Start();
        await Eventually.True(() => holder.Host.NotReady is null, "the holder is ready");
        var other = world.Start(replica => replica.Call = holder.Routes.ReceivedAsync);
        await Eventually.True(() => other.Host.NotReady is null, "the other is ready");

        holder.Kill();
        other.Call = (_, _, cancellation) => Task.Delay(Timeout.Infinite, cancellation).ContinueWith(_ => default(System.Text.Json.JsonElement), cancellation);
        await world.Create("A-1");

        await Eventually.Holds(async () => Assert.Equal("ACCOUNT_ACTIVE", await Status(world, "A-1")), TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task A_route_that_is_lost_for_a_moment_leaves_no_function_behind()
    {
        await using var world = new AccountWorld();
        await world.Create("A-1");
        for (var version = 2; version <= 40; version++)
        {
            await world.Send("A-1", version % 2 == 0 ? new AccountCommand.MakeDefault() : new AccountCommand.ClearDefault());
        }

        // One function reads on to the end of the log while the other is still busy with its first batch.
        var at = await world.At();
        var partition = (await world.ReadAll())[0].Position.Partition;
        var slow = new TaskCompletionSource();
        world.Views.BeforeWrite = writes => writes.Any(write => write.Key == RowKeys.Account(at, "A-1")) ? slow.Task : Task.CompletedTask;
        var replica = world.Start($"Functions={Views.Account},{Views.History}");
        await Eventually.True(() => world.Views.Values.ContainsKey(RowKeys.History(at, "A-1", 40)), "the history is complete");

        replica.Routes.GiveUp(partition);
        slow.SetResult();
        await Eventually.True(() => world.Views.Values.ContainsKey(RowKeys.Account(at, "A-1")), "the first batch is in the view");
        await Eventually.Holds(async () => Assert.NotEqual(0, (await Checkpoints(world, Views.Account))[partition]));
        await replica.Routes.ReceivedAsync(partition, JsonSerializer.SerializeToElement(new WakeUp(partition, 0), JsonSerializerOptions.Web), Stop);

        await world.ViewsEqualTheLog(row => !row.Key.Contains(".index.", StringComparison.Ordinal), TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task Onboarding_that_is_switched_off_pauses_and_takes_up_what_came_meanwhile()
    {
        await using var world = new AccountWorld();
        var off = world.Start(ViewsOnly);
        await world.Create("A-1");
        await Eventually.Holds(async () => Assert.Equal("ACCOUNT_PENDING", await Status(world, "A-1")));
        await off.Stop();
        Assert.All(await Checkpoints(world, "confirm-on-creation"), position => Assert.Equal(0, position));

        world.Start();

        await Eventually.Holds(async () => Assert.Equal("ACCOUNT_ACTIVE", await Status(world, "A-1")));
    }

    [Fact]
    public async Task A_command_service_that_is_away_is_waited_for_with_the_same_key_while_views_go_on()
    {
        await using var world = new AccountWorld();
        var away = true;
        world.BeforeCommand = _ => away ? new HttpResponseMessage(System.Net.HttpStatusCode.ServiceUnavailable) : null;
        var replica = world.Start();

        await world.Create("A-1");
        await Eventually.True(() => world.Keys.Count >= 3, "the command was sent three times");
        Assert.Equal("ACCOUNT_PENDING", await Status(world, "A-1"));
        away = false;

        await Eventually.Holds(async () => Assert.Equal("ACCOUNT_ACTIVE", await Status(world, "A-1")));
        Assert.Equal(2, world.Keys.Distinct().Count());
        Assert.Single(replica.Log, line => line.StartsWith("Warning: The command service", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_command_service_that_knows_no_such_account_has_not_answered_the_event()
    {
        await using var world = new AccountWorld();
        var elsewhere = true;
        world.BeforeCommand = _ => elsewhere
            ? new HttpResponseMessage(System.Net.HttpStatusCode.NotFound) { Content = new StringContent("{}", new System.Net.Http.Headers.MediaTypeHeaderValue(MediaTypes.Problem)) }
            : null;
        var replica = world.Start();

        await world.Create("A-1");
        await Eventually.True(
            () => replica.Log.ToArray().Any(line => line.StartsWith("Error: Function confirm-on-creation cannot take version 1 of account A-1", StringComparison.Ordinal)),
            "the failure is told");
        elsewhere = false;

        await Eventually.Holds(async () => Assert.Equal("ACCOUNT_ACTIVE", await Status(world, "A-1")));
    }

    [Fact]
    public async Task An_account_that_waits_for_a_newer_command_service_holds_up_no_other()
    {
        await using var world = new AccountWorld();
        string? first = null;
        world.BeforeCommand = key => (Interlocked.CompareExchange(ref first, key, null) ?? key) == key
            ? new HttpResponseMessage(System.Net.HttpStatusCode.ServiceUnavailable)
            {
                Content = new StringContent(
                    $$"""{"type":"{{ProblemTypes.AccountStopped}}","title":"","status":503}""", new System.Net.Http.Headers.MediaTypeHeaderValue(MediaTypes.Problem)),
            }
            : null;
        world.Start();
        await world.Create("A-1");
        await Eventually.True(() => first is not null, "a command was sent");

        // Enough of them that some are of the same partition.
        var others = Enumerable.Range(1, 8 * AccountWorld.Partitions).Select(i => $"B-{i}").ToList();
        foreach (var other in others)
        {
            await world.Create(other);
        }

        await Eventually.Holds(async () => Assert.All(await Task.WhenAll(others.Select(other => Status(world, other))), status => Assert.Equal("ACCOUNT_ACTIVE", status)));
        Assert.Equal("ACCOUNT_PENDING", await Status(world, "A-1"));
    }

    [Fact]
    public async Task A_view_that_has_lost_a_row_says_where_and_stops_no_other_function()
    {
        await using var world = new AccountWorld();
        var at = await world.At();
        var replica = world.Start(ViewsOnly);
        await world.Create("A-1");
        await ViewsEqualTheLog(world);

        // Rows that follow another history than the log's: the account view refuses, the history goes on.
        world.Views.Lose(RowKeys.Account(at, "A-1"));
        await world.Send("A-1", new AccountCommand.Confirm());

        await Eventually.True(() => world.Views.Values.ContainsKey(RowKeys.History(at, "A-1", 2)), "the history has the event");
        await Eventually.True(
            () => replica.Log.ToArray().Any(line => line.StartsWith("Error: Function account cannot take version 2 of account A-1 at", StringComparison.Ordinal)),
            "the failure names function, version, account and position");
    }

    [Fact]
    public async Task A_stop_finishes_what_is_in_flight_and_saves_the_checkpoints()
    {
        await using var world = new AccountWorld();
        var replica = world.Start(ViewsOnly);
        await Work(world, 1, 200);
        await replica.Stop();

        var tails = (await world.ReadAll()).GroupBy(record => record.Position.Partition).ToDictionary(group => group.Key, group => group.Max(record => record.Position.Position));
        var at = await world.At();
        var checkpoints = await Checkpoints(world, Views.Account);
        var done = (await world.ReadAll()).Where(record => record.Position.Position <= checkpoints[record.Position.Partition]);
        var rows = LogFold.Rows(at, done).Where(pair => pair.Key.Contains(".account.", StringComparison.Ordinal)).OrderBy(pair => pair.Key);
        Assert.Equal(rows, LogFold.RowsIn(world.Views.Values, at).Where(pair => pair.Key.Contains(".account.", StringComparison.Ordinal)).OrderBy(pair => pair.Key));
        Assert.NotEmpty(tails);
    }

    [Fact]
    public async Task A_stop_does_not_wait_long_for_a_store_that_does_not_take_the_checkpoints()
    {
        await using var world = new AccountWorld();
        var replica = world.Start(ViewsOnly);
        await world.Create("A-1");
        await ViewsEqualTheLog(world);
        var refused = new TaskCompletionSource();
        world.Views.BeforeWrite = writes =>
        {
            if (writes.All(write => !write.Key.Contains(".checkpoint.", StringComparison.Ordinal)))
            {
                return Task.CompletedTask;
            }

            refused.TrySetResult();
            throw new IOException("away");
        };
        await world.Send("A-1", new AccountCommand.Confirm());
        await refused.Task.WaitAsync(Stop);

        try
        {
            await replica.Stop().WaitAsync(TimeSpan.FromSeconds(10), Stop);
        }
        finally
        {
            world.Views.BeforeWrite = _ => Task.CompletedTask;
        }
    }
}
