namespace EventLog.Tests.Simulation;

/// <summary>Sees every write of the database and every answer, and holds them against the guarantees.</summary>
public sealed class Witness
{
    private readonly SimulatedDatabase _database;
    private readonly long[] _tails;
    private readonly List<Attempt> _attempts = [];
    private readonly List<(int Partition, StoredSnapshot Snapshot, string Stream, long Tail)> _snapshots = [];
    private readonly List<(int Partition, Head Head, Dictionary<string, long> Covered)> _heads = [];
    private readonly Dictionary<(int, string), long> _covered = [];
    private readonly Dictionary<LogPosition, string> _read = [];
    private string? _seen;

    public Witness(SimulatedDatabase database, int partitions)
    {
        _database = database;
        _tails = new long[partitions];
        database.Written = Written;
    }

    /// <summary>One sending of a command, with the ends of the log at its beginning.</summary>
    public sealed record Attempt(Sent Sent, int Number, long TailAtStart)
    {
        public string Name => $"{Sent.Name}/{Number}";
        public Outcome<Tally>? Outcome { get; set; }
        public LogUnavailableException? Failure { get; set; }
        public long TailAtEnd { get; set; }
    }

    public Attempt Begin(Sent sent)
    {
        var attempt = new Attempt(sent, _attempts.Count, _tails[PartitionOf(sent.Stream)]);
        _attempts.Add(attempt);
        return attempt;
    }

    public void Answered(Attempt attempt, Outcome<Tally> outcome)
    {
        attempt.Outcome = outcome;
        attempt.TailAtEnd = _tails[PartitionOf(attempt.Sent.Stream)];
    }

    public void Failed(Attempt attempt, LogUnavailableException failure) => attempt.Failure = failure;

    /// <summary>A reader of the log has got a record.</summary>
    public void Read(LogRecord record) =>
        _read[record.Position] = Text(record.Time.ToUnixTimeMilliseconds(), record.Events.Select(e => (e.Stream, e.Version, e.StreamOrdinal, e.Event)));

    public void CheckAll()
    {
        Hold(_seen is null, _seen!);
        var histories = ReadLog();
        CheckSnapshots(histories);
        foreach (var command in _attempts.GroupBy(a => a.Sent.Name))
        {
            CheckCommand(histories[PartitionOf(command.First().Sent.Stream)], [.. command]);
        }
    }

    private int PartitionOf(string stream) => Keys.PartitionOf(stream, _tails.Length);

    private void Written(string key, byte[] value)
    {
        var parts = key.Split('.');
        if (parts.Length < 2 || !int.TryParse(parts[0].Trim('{', '}'), out var partition))
        {
            return;
        }

        switch (parts[1])
        {
            case "r":
                var position = long.Parse(parts[2], System.Globalization.CultureInfo.InvariantCulture);
                Note(position == _tails[partition] + 1, $"position {partition}:{position} was written when the log ended at {_tails[partition]}");
                _tails[partition] = position;
                break;
            case "s":
                var snapshot = StoredSnapshot.Read(value);
                Note(snapshot.Position <= _tails[partition], $"the snapshot of {parts[2]} leads the log");
                Note(!_covered.TryGetValue((partition, parts[2]), out var before) || before < snapshot.Position, $"the snapshot of {parts[2]} went back");
                _covered[(partition, parts[2])] = snapshot.Position;
                _snapshots.Add((partition, snapshot, parts[2], _tails[partition]));
                break;
            case "head":
                var head = Head.Read(value);
                Note(head.Position <= _tails[partition], "the head leads the log");
                _heads.Add((partition, head, _covered.Where(c => c.Key.Item1 == partition).ToDictionary(c => c.Key.Item2, c => c.Value)));
                break;
        }
    }

    /// <summary>Reads the whole log: dense, chained, versions without gap or fork, each id with one effect.</summary>
    private PartitionHistory[] ReadLog()
    {
        var histories = new PartitionHistory[_tails.Length];
        for (var partition = 0; partition < _tails.Length; partition++)
        {
            var history = histories[partition] = new PartitionHistory();
            var digest = "";
            var time = 0L;
            for (var position = 1L; position <= _tails[partition]; position++)
            {
                var bytes = _database.Rows[Keys.Record(partition, position)].Value;
                var record = StoredRecord.Read(bytes, new LogPosition(partition, position));
                Hold(record.DigestBefore == digest, $"the chain is broken at {partition}:{position}");
                Hold(record.Time >= time, $"time goes back at {partition}:{position}");
                (digest, time) = (StoredRecord.Digest(bytes), record.Time);
                Hold(
                    !_read.Remove(new LogPosition(partition, position), out var read)
                        || read == Text(time, record.Commands.SelectMany(c => c.Events.Select(e => (c.Stream, e.Version, e.StreamOrdinal, e.Event)))),
                    $"a reader saw something else at {partition}:{position}");
                history.Fold(record);
            }
        }

        Hold(_read.Count == 0, $"a reader saw {_read.Count} records that the log has not");
        return histories;
    }

    private static string Text(long time, IEnumerable<(string Stream, long Version, long Ordinal, StoredEvent Event)> events) =>
        $"{time} {string.Join(' ', events.Select(e => $"{e.Stream} {e.Version} {e.Ordinal} {e.Event.Name} {e.Event.Data}"))}";

    private void CheckSnapshots(PartitionHistory[] histories)
    {
        foreach (var (partition, snapshot, stream, _) in _snapshots)
        {
            var (version, state) = histories[partition].At(stream, snapshot.Position);
            Hold(snapshot.Version == version, $"the snapshot of {stream} at {snapshot.Position} has version {snapshot.Version} instead of {version}");
            var trail = snapshot.State is { } json ? json.GetProperty("Trail").GetString() : null;
            Hold(trail == state?.Trail, $"the snapshot of {stream} at {snapshot.Position} has another state than the log");
        }

        foreach (var (partition, head, covered) in _heads)
        {
            foreach (var (stream, last) in histories[partition].LastRecordedUpTo(head.Position))
            {
                Hold(covered.GetValueOrDefault(stream) >= last, $"the head went to {head.Position} before {stream} was saved up to {last}");
            }
        }
    }

    private static void CheckCommand(PartitionHistory history, Attempt[] attempts)
    {
        var sent = attempts[0].Sent;
        var effects = attempts.Sum(attempt => history.Effects.GetValueOrDefault(attempt.Name));
        Hold(effects <= 1, $"{sent} took effect {effects} times");
        var answered = attempts.Where(a => a.Outcome is not null).ToArray();
        for (var i = 0; i < answered.Length; i++)
        {
            var outcome = answered[i].Outcome!;
            var what = $"{sent} answered {outcome.Kind} {outcome.Refusal} version {outcome.Version} at {outcome.Position}";
            Hold(Same(answered[0].Outcome!, outcome), $"{what}, and before {answered[0].Outcome}");
            if (outcome.Kind is OutcomeKind.KeyReused)
            {
                Hold(effects == 0, $"{what}, and took effect");
            }
            else if (outcome.Kind is OutcomeKind.Appended)
            {
                var position = outcome.Position.Position;
                Hold(effects == 1, $"{what}, but the log has no such command");
                Hold(position > attempts[0].TailAtStart && position <= answered[0].TailAtEnd, $"{what}: not between request and answer");
                Hold(history.StateAt(sent.Stream, outcome.Version)?.Trail == outcome.State?.Trail, $"{what}: another state than the log");
            }
            else if (i == 0)
            {
                Hold(effects == 0, $"{what}, and took effect");
                Hold(
                    history.Moments(sent.Stream, attempts[0].TailAtStart, answered[0].TailAtEnd)
                        .Any(m => m.Version == outcome.Version && m.State?.Trail == outcome.State?.Trail && Fits(answered[0].Sent, outcome, m.Version, m.State)),
                    $"{what}: true at no moment between {attempts[0].TailAtStart} and {answered[0].TailAtEnd}");
            }
        }

        Hold(
            !attempts.Any(attempt => attempt.Failure is { NotDone: true } && history.Effects.ContainsKey(attempt.Name)),
            $"{sent} was answered not-done, and took effect");
    }

    private static bool Fits(Sent sent, Outcome<Tally> outcome, long version, Tally? state)
    {
        if (sent.Command.Do is "read")
        {
            return true;
        }

        if (sent.Expected is { } expected && !(expected.Version < 0 ? version > 0 : version == expected.Version))
        {
            return outcome.Kind is OutcomeKind.VersionMismatch;
        }

        var decision = Tallies.Decider.Decide(sent.Command, state, DateTimeOffset.UnixEpoch);
        return decision.Refusal is not null
            ? outcome.Kind is OutcomeKind.Refused && outcome.Refusal == decision.Refusal
            : outcome.Kind is OutcomeKind.AlreadySo && decision.Events.Count == 0;
    }

    private static bool Same(Outcome<Tally> a, Outcome<Tally> b) =>
        a.Kind == b.Kind && a.Refusal == b.Refusal && a.Version == b.Version && a.Position == b.Position && a.State?.Trail == b.State?.Trail;

    /// <summary>Noted, not thrown: whoever writes would take it for a failure of the store.</summary>
    private void Note(bool holds, string otherwise) => _seen ??= holds ? null : otherwise;

    private static void Hold(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new InvalidOperationException(otherwise);
        }
    }
}

/// <summary>The states of all streams of a partition at all positions, folded from the log alone.</summary>
public sealed class PartitionHistory
{
    private readonly Dictionary<string, List<(long Position, long Version, Tally? State)>> _streams = [];
    private readonly List<(long Position, string Stream)> _recorded = [];
    private readonly Dictionary<string, long> _ordinals = [];

    /// <summary>How often each attempt at a command, by its name, appended events.</summary>
    public Dictionary<string, int> Effects { get; } = [];

    internal void Fold(StoredRecord record)
    {
        foreach (var command in record.Commands)
        {
            _recorded.Add((record.Position, command.Stream));
            var states = _streams.TryGetValue(command.Stream, out var known) ? known : _streams[command.Stream] = [(0, 0, null)];
            foreach (var e in command.Events)
            {
                var (_, version, state) = states[^1];
                if (e.Version != version + 1)
                {
                    throw new InvalidOperationException($"Stream {command.Stream}: version {version} is followed by {e.Version} at {record.Position}");
                }

                _ordinals.TryAdd(command.Stream, _ordinals.Count + 1);
                if (_ordinals[command.Stream] != e.StreamOrdinal)
                {
                    throw new InvalidOperationException($"Stream {command.Stream} has the ordinal {e.StreamOrdinal} at {record.Position}");
                }

                states.Add((record.Position, e.Version, Tallies.Decider.Evolve(state, Tallies.Decider.Read(e.Event)!)));
            }

            if (command.Events.Count > 0)
            {
                Effects[command.CorrelationId] = Effects.GetValueOrDefault(command.CorrelationId) + 1;
            }
        }
    }

    public (long Version, Tally? State) At(string stream, long position)
    {
        var state = States(stream).Last(s => s.Position <= position);
        return (state.Version, state.State);
    }

    public Tally? StateAt(string stream, long version) => States(stream).FirstOrDefault(s => s.Version == version).State;

    /// <summary>Each state that was the newest at some moment between two ends of the log.</summary>
    public IEnumerable<(long Version, Tally? State)> Moments(string stream, long from, long to)
    {
        yield return At(stream, from);
        foreach (var (position, version, state) in States(stream))
        {
            if (position > from && position <= to)
            {
                yield return (version, state);
            }
        }
    }

    public IEnumerable<(string Stream, long Last)> LastRecordedUpTo(long position) =>
        _recorded.Where(r => r.Position <= position).GroupBy(r => r.Stream).Select(g => (g.Key, g.Max(r => r.Position)));

    private List<(long Position, long Version, Tally? State)> States(string stream) =>
        _streams.TryGetValue(stream, out var states) ? states : [(0, 0, null)];
}
