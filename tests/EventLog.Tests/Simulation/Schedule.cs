namespace EventLog.Tests.Simulation;

/// <summary>How large a run is and how rough.</summary>
public sealed record ScheduleSize
{
    public int Replicas { get; init; } = 3;
    public int Partitions { get; init; } = 2;
    public int Streams { get; init; } = 4;
    public int Clients { get; init; } = 4;
    public int CommandsPerClient { get; init; } = 6;
    public int Disturbances { get; init; } = 4;

    /// <summary>Mostly small ones: what goes wrong needs few commands, and the time is better spent on another seed.</summary>
    internal static ScheduleSize Any(Random chance) => chance.Next(10) switch
    {
        < 5 => new ScheduleSize { Replicas = 2, Partitions = 1, Streams = 2, Clients = 3, CommandsPerClient = 4, Disturbances = 3 },
        < 8 => new ScheduleSize { Streams = 3, Clients = 3, CommandsPerClient = 5 },
        _ => new ScheduleSize(),
    };
}

/// <summary>
/// One run: replicas over one database, clients that send commands and repeat those whose outcome they do not know, and
/// disturbances, all chosen by the seed. Afterwards the database and the answers are held against the guarantees.
/// </summary>
public sealed class Schedule
{
    private readonly VirtualWorld _world;
    private readonly ScheduleSize _size;
    private readonly LogOptions _options;
    private readonly SimulatedDatabase _database;
    private readonly List<Replica> _replicas = [];
    private readonly SimulatedActors _actors;
    private readonly Witness _witness;
    private Faults _faults = Faults.None;
    private bool _over;
    private int _sent;

    private Schedule(int seed, ScheduleSize? given)
    {
        _world = new VirtualWorld(seed);
        _size = given ?? ScheduleSize.Any(_world.Chance);
        var fewKeys = _world.Happens(0.1);
        _options = new LogOptions
        {
            Partitions = _size.Partitions,
            CachedStreams = _world.Happens(0.5) ? 1 : 1000,
            BatchCommands = _world.Happens(0.3) ? 2 : 512,
            RecordsPerRead = _world.Happens(0.5) ? 2 : 100,
            SnapshotEvery = TimeSpan.FromSeconds(_world.Chance.Next(1, 5)),
            RememberKeyed = fewKeys ? 1 : 64,

            // Short: many who are told that nobody knows send their command again while the first copy is still at work.
            AnswerWithin = TimeSpan.FromSeconds(_world.Happens(0.3) ? 1 : 4),

            // Longer than any client asks again under the id that it was given, and where few keys are kept, under a key; else short
            // enough for the head to move while there is trouble.
            Remember = TimeSpan.FromSeconds(fewKeys ? 120 : _world.Happens(0.5) ? 30 : 25),
        };
        _database = new SimulatedDatabase { LikeRedis = _world.Happens(0.3), Now = () => _world.Now };
        _witness = new Witness(_database, _size.Partitions);
        _actors = new SimulatedActors(_world, _replicas);
    }

    /// <summary>Runs the schedule of a seed; throws what does not hold.</summary>
    public static void Run(int seed, ScheduleSize? size = null) => Log(seed, size);

    /// <summary>The same, and gives the database that the run leaves.</summary>
    public static SimulatedDatabase Log(int seed, ScheduleSize? size = null)
    {
        var schedule = new Schedule(seed, size);
        try
        {
            schedule._world.Run(schedule.RunAsync, TimeSpan.FromMinutes(30));
            return schedule._database;
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"Seed {seed}: {e.Message}", e);
        }
    }

    private async Task RunAsync()
    {
        for (var i = 0; i < _size.Replicas; i++)
        {
            _replicas.Add(NewReplica());
        }

        var reading = ReadAlongAsync();
        var clients = Enumerable.Range(0, _size.Clients).Select(ClientAsync).ToList();
        var disturbances = DisturbAsync();
        await Task.WhenAll(clients);
        await disturbances;

        // Peace: what was begun must come to its end, and everything must still work.
        _faults = Faults.None;
        _actors.Blocked = false;
        _actors.SpeaksLater = _actors.ComesTwice = 0;
        _replicas.ForEach(r => r.Context.Continue());
        if (!_replicas.Exists(r => r.Alive && !r.Stopping))
        {
            _replicas.Add(NewReplica());
        }

        await _world.PauseAsync(6000);
        for (var stream = 0; stream < _size.Streams; stream++)
        {
            if (!await SendUntilKnownAsync(NewCommand($"S-{stream}", keyed: true), patience: 3))
            {
                throw new InvalidOperationException($"S-{stream} is not answered although all is well.");
            }
        }

        await Task.Delay(TimeSpan.FromSeconds(_world.Chance.Next(1, _world.Happens(0.2) ? 45 : 8)), _world.Clock());
        foreach (var replica in _replicas.Where(r => r.Alive))
        {
            replica.Stop();
            await replica.Ended;
        }

        _over = true;
        await reading;
        _witness.CheckAll();
    }

    private Replica NewReplica() => new(
        _world, _database, _actors, _options, () => _faults, TimeSpan.FromMilliseconds(_world.Chance.Next(-1500, 1500)));

    /// <summary>A consumer of the log, as the functions are: what it has read must stay so.</summary>
    private async Task ReadAlongAsync()
    {
        var reader = new LogReader(new SimulatedStore(_world, _database, () => _faults), _world.Clock());
        var positions = new long[_size.Partitions];
        while (!_over)
        {
            await _world.PauseAsync(3000);
            try
            {
                var found = await reader.ReadAsync([.. positions.Select((after, partition) => (partition, after))], 8, CancellationToken.None);
                foreach (var record in found.SelectMany(records => records))
                {
                    _witness.Read(record);
                    positions[record.Position.Partition] = record.Position.Position;
                }
            }
            catch (IOException)
            {
                // The store is away; it is read again.
            }
        }
    }

    private async Task ClientAsync(int client)
    {
        for (var i = 0; i < _size.CommandsPerClient; i++)
        {
            await _world.PauseAsync(_world.Happens(0.2) ? 5000 : 30);
            var stream = $"S-{_world.Chance.Next(_size.Streams)}";
            var sent = NewCommand(stream, _world.Happens(0.5));
            await SendUntilKnownAsync(sent, patience: 4);
            if (sent.Key is not null && _world.Happens(0.4))
            {
                await _world.PauseAsync(_world.Happens(0.07) ? 60_000 : _world.Happens(0.2) ? 20_000 : 500);
                await SendUntilKnownAsync(sent, patience: 2);
            }

            if (sent.Key is not null && _world.Happens(0.1))
            {
                await SendUntilKnownAsync(NewCommand(stream, keyed: true) with { Key = sent.Key }, patience: 2);
            }
        }
    }

    private Sent NewCommand(string stream, bool keyed)
    {
        string[] verbs = ["open", "add", "add", "empty", "twice", "if-even", "if-even", "read"];
        var verb = keyed ? verbs[_world.Chance.Next(verbs.Length - 1)] : verbs[_world.Chance.Next(verbs.Length)];
        var by = _world.Chance.Next(1, 4);
        return new Sent($"sent-{_sent++}", stream, new TallyCommand(verb, by), keyed ? $"key-{_world.Chance.NextInt64():x}" : null)
        {
            Expected = verb is not "read" && _world.Happens(0.15) ? ExpectedVersion.Exactly(_world.Chance.Next(0, 4)) : null,
        };
    }

    private async Task<bool> SendUntilKnownAsync(Sent sent, int patience)
    {
        while (patience-- > 0)
        {
            var replica = _replicas[_world.Chance.Next(_replicas.Count)];
            if (!replica.Alive || (replica.Stopping && _replicas.Exists(r => r.Alive && !r.Stopping)))
            {
                patience++;
                await _world.PauseAsync(300);
                continue;
            }

            var attempt = _witness.Begin(sent);
            try
            {
                var outcome = sent.Command.Do is "read"
                    ? await replica.Log.ReadAsync(sent.Stream, CancellationToken.None)
                    : await replica.Log.SubmitAsync(sent.ToSubmission(attempt.Name), CancellationToken.None);
                _witness.Answered(attempt, outcome);
                return true;
            }
            catch (LogUnavailableException e)
            {
                _witness.Failed(attempt, e);
                if (sent.Command.Do is not "read" && sent.Key is null)
                {
                    // As a client does with an unknown outcome: the id that it was given becomes its key.
                    sent = sent with { Key = e.CommandId, Made = true };
                }

                await _world.PauseAsync(1000);
            }
        }

        return false;
    }

    private async Task DisturbAsync()
    {
        for (var i = 0; i < _size.Disturbances; i++)
        {
            await _world.PauseAsync(2500);
            switch (_world.Chance.Next(10))
            {
                case 0 or 1 when Victim() is { } killed:
                    killed.Context.StrikeAt(_world.Chance.Next(1, 60), killed.Kill);
                    await _world.PauseAsync(2000);
                    _replicas.Add(NewReplica());
                    break;
                case 2 when Victim() is { } paused:
                    paused.Context.StrikeAt(_world.Chance.Next(1, 60), paused.Context.Pause);
                    await _world.PauseAsync(9000);
                    paused.Context.Continue();
                    break;
                case 3 when Victim() is { } stopped:
                    _ = stopped.StopAsync();
                    await _world.PauseAsync(1000);
                    _replicas.Add(NewReplica());
                    break;
                case 4:
                    _actors.Blocked = true;
                    await _world.PauseAsync(6000);
                    _actors.Blocked = false;
                    break;
                case 5:
                    _actors.SpeaksLater = 0.3;
                    _actors.ComesTwice = 0.3;
                    break;
                case 6:
                    _actors.Move(_world.Chance.Next(_size.Partitions), told: _world.Happens(0.5));
                    break;
                default:
                    _faults = NewFaults();
                    await _world.PauseAsync(_faults.TransactionFails > 0.9 ? 60_000 : 1);
                    break;
            }
        }
    }

    private Faults NewFaults() => _world.Chance.Next(7) switch
    {
        0 => new Faults { FailAfter = 0.3, FailBefore = 0.1, ItemFails = 0.05 },
        1 => new Faults { LandsLater = 0.3, ReadFails = 0.2 },
        2 => new Faults { TransactionFails = 0.98 },
        3 => new Faults { SlowMilliseconds = 400 },
        4 => new Faults { Hangs = 0.2, SlowMilliseconds = 30 },
        5 => new Faults { BulkReadLags = 0.5, LagMilliseconds = _world.Chance.Next(2000), FailAfter = 0.1 },
        _ => new Faults { LandsLater = 0.1, ReadFails = 0.1, FailAfter = 0.1, ItemFails = 0.05, BulkReadLags = 0.3, LagMilliseconds = 300, SlowMilliseconds = 30 },
    };

    private Replica? Victim() => _replicas.Where(r => r.Alive && !r.Stopping && !r.Context.Paused).OrderBy(_ => _world.Chance.Next()).FirstOrDefault();
}

/// <summary>A command as a client sends it, once or again; the name of each attempt is stored with what it brings about.</summary>
public sealed record Sent(string Name, string Stream, TallyCommand Command, string? Key)
{
    public ExpectedVersion? Expected { get; init; }

    /// <summary>The key is an id that the service made and gave back with an unknown outcome.</summary>
    public bool Made { get; init; }

    public string Fingerprint => $"{Name}: {Command.Do} {Command.By}";

    public Submission<TallyCommand> ToSubmission(string attempt) => new()
    {
        Stream = Stream,
        Command = Command,
        Key = Key,
        Fingerprint = Fingerprint,
        Expected = Expected,
        CorrelationId = attempt,
    };
}
