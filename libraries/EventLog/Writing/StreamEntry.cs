using System.Text.Json;

namespace EventLog;

/// <summary>One stream in a writer's memory: everything that was recorded of it up to <see cref="Covered"/>.</summary>
internal sealed class StreamEntry<TState>(string name) where TState : class
{
    public string Name { get; } = name;
    public TState? State { get; set; }
    public long Version { get; set; }

    /// <summary>The stream's number in its partition, counted from 1 in the order of their first events; 0 until it has events.</summary>
    public long Ordinal { get; set; }

    /// <summary>Records up to here are in the state; folding one of them again would double it.</summary>
    public long Covered { get; set; }

    /// <summary>The newest record that says anything of this stream.</summary>
    public long LastRecorded { get; set; }

    /// <summary>The newest position that a snapshot in the store is known to cover.</summary>
    public long Saved { get; set; }

    /// <summary>The store has a snapshot, so that saving one needs its ETag.</summary>
    public bool HasSnapshot { get; set; }

    /// <summary>The last keyed commands, oldest first; null while there are none, which is the common case.</summary>
    public List<Remembered<TState>>? Keyed { get; set; }

    /// <summary>What this version cannot read of the stream; null: it can read all of it. The state is the one before that.</summary>
    public Unread? Unread { get; set; }

    /// <summary>Something is recorded that no snapshot covers; such an entry must not leave memory.</summary>
    public bool Dirty => LastRecorded > Saved;

    /// <summary>Used since eviction last came by.</summary>
    public bool Used { get; set; }

    /// <summary>The state as the batch that is being decided sees it; null outside of one.</summary>
    public Draft<TState>? Draft { get; set; }

    public Remembered<TState>? Find(string id)
    {
        for (var i = (Keyed?.Count ?? 0) - 1; i >= 0; i--)
        {
            if (Keyed![i].Id == id)
            {
                return Keyed[i];
            }
        }

        return null;
    }

    public void Remember(Remembered<TState> command, int most)
    {
        Keyed ??= new(1);
        Keyed.RemoveAll(known => known.Id == command.Id);
        Keyed.Add(command);
        if (Keyed.Count > most)
        {
            Keyed.RemoveRange(0, Keyed.Count - most);
        }
    }
}

/// <summary>What is kept of a stream for a version that can read it.</summary>
/// <param name="state">The snapshot's state, when that cannot be read; null: it is the events that cannot.</param>
internal sealed class Unread(JsonElement? state)
{
    public JsonElement? State => state;

    /// <summary>The events from the first one on that cannot be read, or after the state that cannot.</summary>
    public List<UnreadEvent> Events { get; } = [];
}

/// <summary>What a batch has made of a stream so far.</summary>
internal sealed class Draft<TState>(TState? state, long version, long ordinal)
{
    public TState? State { get; set; } = state;
    public long Version { get; set; } = version;
    public long Ordinal { get; set; } = ordinal;
}

/// <summary>What is remembered under a command's id.</summary>
/// <param name="Id">The command's id.</param>
/// <param name="Fingerprint">Digest of its content.</param>
/// <param name="Outcome">Its answer; "stopped" when this version cannot read the one that was recorded.</param>
/// <param name="Unread">The answer as it was recorded, when this version cannot read it.</param>
internal sealed record Remembered<TState>(string Id, string Fingerprint, Outcome<TState> Outcome, RememberedCommand? Unread = null);
