using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
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
    private readonly Dictionary<UInt128, long> _recent = [];
    private readonly Queue<(DateTimeOffset At, UInt128 Command, long Position)> _recentByAge = new();
    private readonly Dictionary<(string Stream, string Id), Remembered<TState>> _recalled = [];

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
                entry.Unread = new Unread(snapshot.State);
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

    /// <summary>
    /// The remembered command of this id, or null. One that its stream does not remember must have been recalled before, if
    /// <see cref="RecordOf"/> names its record.
    /// </summary>
    public Remembered<TState>? Recall(StreamEntry<TState> entry, string id) =>
        entry.Find(id) ?? _recalled.GetValueOrDefault((entry.Name, id));

    /// <summary>
    /// Where the command of this id was recorded in the last half minute; 0: nowhere, or it can be recalled without its record.
    /// What is remembered of so many is only that: the answer stands in the log, and hardly anybody asks again.
    /// </summary>
    public long RecordOf(string stream, string id) =>
        _recent.TryGetValue(HashOf(stream, id), out var position) && Find(stream)?.Find(id) is null && !_recalled.ContainsKey((stream, id)) ? position : 0;

    /// <summary>Takes in what the record of the position says of a command, until <see cref="ForgetRecalled"/>.</summary>
    public void TakeIn(StoredRecord record, string stream, string id)
    {
        // Another command may have the same hash: then nothing is remembered of this one.
        if (record.Commands.LastOrDefault(c => c.Stream == stream && c.Id == id) is { } command)
        {
            _recalled[(stream, id)] = Restore(command);
        }
    }

    public void ForgetRecalled() => _recalled.Clear();

    /// <summary>Remembers a command; called once for each command of a record that is now committed.</summary>
    /// <param name="entry">Its stream.</param>
    /// <param name="id">Its id.</param>
    /// <param name="keyed">What the stream is to remember of it, because it has a key; else null.</param>
    /// <param name="position">The record's.</param>
    /// <param name="now">The time.</param>
    public void Remember(StreamEntry<TState> entry, string id, Remembered<TState>? keyed, long position, DateTimeOffset now)
    {
        var hash = HashOf(entry.Name, id);
        _recent[hash] = position;
        _recentByAge.Enqueue((now, hash, position));
        if (keyed is not null)
        {
            entry.Remember(keyed, options.RememberKeyed);
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

            // A snapshot that already covers the record has the keyed commands too, and maybe newer ones.
            var keyed = command.Keyed && record.Position > entry.Covered ? Restore(command) : null;
            Remember(entry, command.Id, keyed, record.Position, now);
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
            if (_recent.TryGetValue(oldest.Command, out var position) && position == oldest.Position)
            {
                _recent.Remove(oldest.Command);
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

        entry.Unread ??= new Unread(null);
        entry.Unread.Events.Add(new UnreadEvent(stored.Name, stored.Schema, stored.Data.Clone(), version));
    }

    private Remembered<TState> Restore(StoredCommand command) => Restore(new RememberedCommand(
        command.Id,
        command.Fingerprint,
        command.Outcome,
        command.Refusal,
        command.State.ValueKind is JsonValueKind.Undefined ? null : command.State,
        command.Version,
        command.AnswerPosition));

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

    /// <summary>Of the stream's name and the command's id; a client that chooses ids cannot make two of them alike.</summary>
    private static UInt128 HashOf(string stream, string id)
    {
        var length = Encoding.UTF8.GetMaxByteCount(stream.Length + 1 + id.Length);
        Span<byte> text = length <= 1024 ? stackalloc byte[length] : new byte[length];
        var written = Encoding.UTF8.GetBytes(stream, text);
        text[written++] = 0;
        written += Encoding.UTF8.GetBytes(id, text[written..]);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(text[..written], hash);
        return BinaryPrimitives.ReadUInt128LittleEndian(hash);
    }
}
