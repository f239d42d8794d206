namespace EventLog;

/// <summary>
/// Commands decided together, one after the other, on drafts of their streams. Nothing of it is true until its record is
/// committed; after a lost race it is thrown away and decided again.
/// </summary>
internal sealed class Batch<TState, TCommand, TEvent>
    where TState : class
    where TCommand : class
    where TEvent : class
{
    private readonly PartitionMemory<TState, TCommand, TEvent> _memory;
    private readonly Decider<TState, TCommand, TEvent> _decider;
    private readonly LogPosition _position;
    private readonly DateTimeOffset _time;
    private readonly List<Decided> _decided = [];
    private readonly List<StreamEntry<TState>> _drafted = [];
    private readonly Dictionary<(string Stream, string Id), Remembered<TState>> _ids = [];
    private long _streams;

    public Batch(
        PartitionMemory<TState, TCommand, TEvent> memory, Decider<TState, TCommand, TEvent> decider, int partition, DateTimeOffset now)
    {
        _memory = memory;
        _decider = decider;
        _position = new LogPosition(partition, memory.Tail.Position + 1);
        _streams = memory.Tail.Streams;

        // Stored times are whole milliseconds and never go back, whatever the clocks of the replicas say.
        _time = DateTimeOffset.FromUnixTimeMilliseconds(Math.Max(now.ToUnixTimeMilliseconds(), memory.Tail.Time));
    }

    /// <summary>There is something that must be committed before any answer leaves.</summary>
    public bool MustCommit { get; private set; }

    /// <summary>Decides the next command. Its stream must be in memory.</summary>
    public void Decide(Pending<TState, TCommand> pending)
    {
        var entry = _memory.Find(pending.Stream)!;
        var draft = DraftOf(entry);
        if (pending.Command is null)
        {
            Add(pending, entry.Unread is null ? OutcomeKind.AlreadySo : OutcomeKind.Stopped, null, draft);
            return;
        }

        var known = pending.Keyed || pending.Travelled ? Recall(entry, pending.Id) : null;
        if (known is { Unread: null })
        {
            Repeat(pending, known);
            return;
        }

        if (known is not null || entry.Unread is not null)
        {
            // Not recorded: a version that can read the stream and its answers must be free to decide the command.
            Add(pending, OutcomeKind.Stopped, null, draft);
            return;
        }

        if (pending.Expected is { } expected && !expected.Matches(draft.Version))
        {
            Finish(pending, entry, OutcomeKind.VersionMismatch, null, draft, []);
            return;
        }

        var decision = _decider.Decide(pending.Command, draft.State, _time);
        var kind = decision.Refusal is not null ? OutcomeKind.Refused
            : decision.Events.Count == 0 ? OutcomeKind.AlreadySo
            : OutcomeKind.Appended;
        Finish(pending, entry, kind, decision.Refusal, draft, decision.Refusal is null ? decision.Events : []);
    }

    /// <summary>The record that commits the batch.</summary>
    public StoredRecord Record(string batchId) => new(
        _position.Partition,
        _position.Position,
        batchId,
        _time.ToUnixTimeMilliseconds(),
        _memory.Tail.Digest,
        [.. _decided.Where(d => d.Stored is not null).Select(d => d.Stored!)]);

    /// <summary>The record is committed: the drafts become the truth. The answers may leave afterwards.</summary>
    public void Apply(string digest, DateTimeOffset now)
    {
        foreach (var entry in _drafted)
        {
            entry.State = entry.Draft!.State;
            entry.Version = entry.Draft.Version;
            entry.Ordinal = entry.Draft.Ordinal;
            entry.Draft = null;
        }

        foreach (var (_, stored, entry, remembered, _) in _decided)
        {
            if (stored is not null)
            {
                _memory.Remember(entry!, stored.Id, stored.Keyed ? remembered : null, _position.Position, now);
                _memory.Touch(entry!, _position.Position);
            }
        }

        _drafted.Clear();
        _memory.Advance(new Head(_position.Position, digest, _time.ToUnixTimeMilliseconds(), _streams));
    }

    /// <summary>Throws the drafts away.</summary>
    public void Discard()
    {
        foreach (var entry in _drafted)
        {
            entry.Draft = null;
        }

        _drafted.Clear();
    }

    /// <summary>Gives all answers. A command of which nothing was recorded is answered with the tail's position.</summary>
    public void Answer()
    {
        foreach (var (pending, _, _, remembered, unrecorded) in _decided)
        {
            pending.Answer(remembered is not null && unrecorded is null
                ? remembered.Outcome
                : unrecorded! with { Position = new LogPosition(_position.Partition, _memory.Tail.Position) });
        }
    }

    private Remembered<TState>? Recall(StreamEntry<TState> entry, string id) =>
        _ids.TryGetValue((entry.Name, id), out var inBatch) ? inBatch : _memory.Recall(entry, id);

    private void Repeat(Pending<TState, TCommand> pending, Remembered<TState> known)
    {
        // The same id with other content is answered so, and the command that has the id is what is remembered afresh.
        var reused = known.Fingerprint != pending.Fingerprint
            ? new Outcome<TState>(OutcomeKind.KeyReused, null, known.Outcome.State, known.Outcome.Version, known.Outcome.Position)
            : null;
        var afresh = known with { };
        Keep(pending, _memory.Find(pending.Stream)!, afresh, []);
        _decided[^1] = _decided[^1] with { Unrecorded = reused };
    }

    private void Finish(
        Pending<TState, TCommand> pending, StreamEntry<TState> entry, OutcomeKind kind, string? refusal, Draft<TState> draft, IReadOnlyList<TEvent> events)
    {
        if (events.Count == 0 && !pending.Keyed && !pending.Travelled)
        {
            Add(pending, kind, refusal, draft);
            return;
        }

        var stored = new StoredStreamEvent[events.Count];
        for (var i = 0; i < stored.Length; i++)
        {
            if (draft.Ordinal == 0)
            {
                draft.Ordinal = ++_streams;
            }

            draft.Version++;
            draft.State = _decider.Evolve(draft.State, events[i]);
            stored[i] = new StoredStreamEvent(_decider.Write(events[i]), draft.Version, draft.Ordinal);
        }

        var outcome = new Outcome<TState>(kind, refusal, draft.State, draft.Version, _position);
        Keep(pending, entry, new Remembered<TState>(pending.Id, pending.Fingerprint, outcome), stored);
    }

    private void Keep(
        Pending<TState, TCommand> pending, StreamEntry<TState> entry, Remembered<TState> remembered, IReadOnlyList<StoredStreamEvent> events)
    {
        var outcome = remembered.Outcome;
        var stored = new StoredCommand
        {
            Id = pending.Id,
            Stream = pending.Stream,
            Fingerprint = remembered.Fingerprint,
            Keyed = pending.Keyed,
            CorrelationId = pending.CorrelationId,
            CausationId = pending.CausationId,
            TraceParent = pending.TraceParent,
            Outcome = OutcomeNames.Of(outcome.Kind),
            Refusal = outcome.Refusal,
            State = _memory.ToJson(outcome.State) ?? default,
            Version = outcome.Version,
            AnswerPosition = outcome.Position.Position,
            Events = events,
        };
        _ids[(entry.Name, pending.Id)] = remembered;
        _decided.Add(new Decided(pending, stored, entry, remembered, null));
        MustCommit = true;
    }

    private void Add(Pending<TState, TCommand> pending, OutcomeKind kind, string? refusal, Draft<TState> draft) =>
        _decided.Add(new Decided(
            pending, null, null, null, new Outcome<TState>(kind, refusal, draft.State, draft.Version, _position)));

    private Draft<TState> DraftOf(StreamEntry<TState> entry)
    {
        if (entry.Draft is null)
        {
            entry.Draft = new Draft<TState>(entry.State, entry.Version, entry.Ordinal);
            _drafted.Add(entry);
        }

        return entry.Draft;
    }

    /// <summary>A command with what is recorded of it, or with the answer of which nothing is.</summary>
    private readonly record struct Decided(
        Pending<TState, TCommand> Pending,
        StoredCommand? Stored,
        StreamEntry<TState>? Entry,
        Remembered<TState>? Remembered,
        Outcome<TState>? Unrecorded);
}
