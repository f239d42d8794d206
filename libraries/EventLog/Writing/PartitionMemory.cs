using System.Text.Json;

namespace EventLog;

/// <summary>
/// What a writer knows of its partition: the tail, the streams that were touched lately, and the commands of the last
/// half minute. Only committed records get in here.
/// </summary>
internal sealed class PartitionMemory<TState, TCommand, TEvent>(
    int partition, Decider<TState, TCommand, TEvent> decider, LogOptions options)
    where TState : class
    where TCommand : class
    where TEvent : class
{
    private readonly Dictionary<string, StreamEntry<TState>> _streams = [];
    private readonly Queue<StreamEntry<TState>> _byAge = new();
    private readonly Dictionary<(string Stream, string Id), Remembered<TState>> _recent = [];
    private readonly Queue<(DateTimeOffset At, string Stream, string Id, Remembered<TState> Command)> _recentByAge = new();

    /// <summary>Position, digest and time of the last record, and how many streams there are up to it.</summary>
    public Head Tail { get; private set; } = Head.Beginning;

    /// <summary>Streams of which something was recorded that no snapshot covers.</summary>
    public HashSet<StreamEntry<TState>> Dirty { get; } = [];

    public void StartFrom(Head head) => Tail = head;

    public StreamEntry<TState>? Find(string stream)
    {
        if (!_streams.TryGetValue(stream, out var entry))
        {
            return null;
        }

        entry.Used = true;
        return entry;
    }

    /// <summary>Takes a stream in, from its snapshot or as one of which nothing was recorded before the memory's records.</summary>
    public StreamEntry<TState> Add(string stream, StoredSnapshot? snapshot)
    {
        var entry = new StreamEntry<TState>(stream);
        if (snapshot is not null)
        {
            entry.HasSnapshot = true;
            entry.Covered = entry.Saved = entry.LastRecorded = snapshot.Position;
            entry.Version = snapshot.Version;
            entry.Ordinal = snapshot.Ordinal;
            if (StrictJson.TryRead(snapshot.State, decider.StateJson, out var state))
            {
                entry.State = state;
            }
            else
            {
                (entry.UnreadState, entry.Unread) = (snapshot.State, []);
            }

            entry.Keyed = snapshot.Keyed.Count == 0 ? null : [.. snapshot.Keyed.Select(Restore)];
            foreach (var unread in snapshot.Unread)
            {
                Evolve(entry, new StoredEvent(unread.Name, unread.Schema, unread.Data), unread.Version);
            }
        }

        _streams[stream] = entry;
        _byAge.Enqueue(entry);
        return entry;
    }

    /// <summary>The remembered command of this id, or null.</summary>
    public Remembered<TState>? Recall(StreamEntry<TState> entry, string id) =>
        _recent.TryGetValue((entry.Name, id), out var recent) ? recent : entry.Find(id);

    /// <summary>Remembers a command; called once for each command of a record that is now committed.</summary>
    public void Remember(StreamEntry<TState> entry, Remembered<TState> command, bool keyed, DateTimeOffset now)
    {
        _recent[(entry.Name, command.Id)] = command;
        _recentByAge.Enqueue((now, entry.Name, command.Id, command));
        if (keyed)
        {
            entry.Remember(command, options.RememberKeyed);
        }
    }

    /// <summary>Folds a record of another writer, or of an earlier life of this one. All its streams must be in memory.</summary>
    /// <exception cref="LogBrokenException">It does not follow what was folded before.</exception>
    public void Fold(StoredRecord record, string digest, DateTimeOffset now)
    {
        var streams = Tail.Streams;
        foreach (var command in record.Commands)
        {
            var entry = _streams[command.Stream];
            entry.Used = true;
            foreach (var e in command.Events)
            {
                streams = Math.Max(streams, e.StreamOrdinal);
                if (record.Position <= entry.Covered)
                {
                    continue;
                }

                if (e.Version != entry.Version + 1)
                {
                    throw new LogBrokenException(
                        new LogPosition(partition, record.Position),
                        $"Stream '{entry.Name}' is at version {entry.Version}, and {partition}:{record.Position} brings version {e.Version}.");
                }

                entry.Ordinal = e.StreamOrdinal;
                Evolve(entry, e.Event, e.Version);
            }

            var remembered = Restore(new RememberedCommand(
                command.Id,
                command.Fingerprint,
                command.Outcome,
                command.Refusal,
                command.State.ValueKind is JsonValueKind.Undefined ? null : command.State,
                command.Version,
                command.AnswerPosition));

            // A snapshot that already covers the record has the keyed commands too, and maybe newer ones.
            Remember(entry, remembered, command.Keyed && record.Position > entry.Covered, now);
        }

        foreach (var command in record.Commands)
        {
            Touch(_streams[command.Stream], record.Position);
        }

        Tail = new Head(record.Position, digest, record.Time, streams);
    }

    /// <summary>Notes that everything up to the position is in the entry, and that something of it was recorded there.</summary>
    public void Touch(StreamEntry<TState> entry, long position)
    {
        entry.Covered = Math.Max(entry.Covered, position);
        entry.LastRecorded = Math.Max(entry.LastRecorded, position);
        if (entry.Dirty)
        {
            Dirty.Add(entry);
        }
    }

    /// <summary>The tail after this writer's own record.</summary>
    public void Advance(Head tail) => Tail = tail;

    /// <summary>A snapshot of the stream that covers the position is in the store.</summary>
    public void Saved(StreamEntry<TState> entry, long position)
    {
        entry.HasSnapshot = true;
        entry.Saved = Math.Max(entry.Saved, position);
        if (!entry.Dirty)
        {
            Dirty.Remove(entry);
        }
    }

    /// <summary>Forgets commands whose time is over, and streams that can be read again.</summary>
    public void Forget(DateTimeOffset now)
    {
        while (_recentByAge.TryPeek(out var oldest) && now - oldest.At > options.Remember)
        {
            _recentByAge.Dequeue();
            if (_recent.TryGetValue((oldest.Stream, oldest.Id), out var known) && ReferenceEquals(known, oldest.Command))
            {
                _recent.Remove((oldest.Stream, oldest.Id));
            }
        }

        for (var tries = _byAge.Count; tries > 0 && _streams.Count - Dirty.Count > options.CachedStreams; tries--)
        {
            var entry = _byAge.Dequeue();
            if (entry.Dirty || entry.Used || entry.Draft is not null)
            {
                entry.Used = false;
                _byAge.Enqueue(entry);
            }
            else
            {
                _streams.Remove(entry.Name);
            }
        }
    }

    public JsonElement? ToJson(TState? state) => state is null ? null : JsonSerializer.SerializeToElement(state, decider.StateJson);

    private void Evolve(StreamEntry<TState> entry, StoredEvent stored, long version)
    {
        entry.Version = version;
        if (entry.Unread is null && decider.Read(stored) is { } e)
        {
            entry.State = decider.Evolve(entry.State, e);
            return;
        }

        entry.Unread ??= [];
        entry.Unread.Add(new UnreadEvent(stored.Name, stored.Schema, stored.Data, version));
    }

    private Remembered<TState> Restore(RememberedCommand command)
    {
        var readable = StrictJson.TryRead(command.State, decider.StateJson, out var state);
        var kind = readable ? OutcomeNames.Parse(command.Outcome) : null;
        var outcome = new Outcome<TState>(
            kind ?? OutcomeKind.Stopped, command.Refusal, state, command.Version, new LogPosition(partition, command.Position));
        return new Remembered<TState>(command.Id, command.Fingerprint, outcome, kind is null ? command with { State = command.State?.Clone() } : null);
    }

    /// <summary>What is stored of a remembered command: as it was recorded, when this version cannot read it.</summary>
    public RememberedCommand Write(Remembered<TState> command) => command.Unread ?? new RememberedCommand(
        command.Id,
        command.Fingerprint,
        OutcomeNames.Of(command.Outcome.Kind),
        command.Outcome.Refusal,
        ToJson(command.Outcome.State),
        command.Outcome.Version,
        command.Outcome.Position.Position);
}
