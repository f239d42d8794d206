using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace EventLog;

/// <summary>
/// The pure heart of an aggregate and the way its values are stored. The log calls these functions with values only; none
/// of them may look at a clock or do I/O.
/// </summary>
/// <typeparam name="TState">State of one stream; immutable.</typeparam>
/// <typeparam name="TCommand">A command; immutable.</typeparam>
/// <typeparam name="TEvent">An event; immutable.</typeparam>
public sealed record Decider<TState, TCommand, TEvent>
    where TState : class
    where TCommand : class
    where TEvent : class
{
    /// <summary>
    /// Decides a command on a state (null: the stream has no events). The time is the one that the events get: whole
    /// milliseconds, never earlier than any event before.
    /// </summary>
    public required Func<TCommand, TState?, DateTimeOffset, Decision<TEvent>> Decide { get; init; }

    /// <summary>Folds one event into the state.</summary>
    public required Func<TState?, TEvent, TState> Evolve { get; init; }

    /// <summary>Writes an event in its stored form.</summary>
    public required Func<TEvent, StoredEvent> Write { get; init; }

    /// <summary>
    /// Reads a stored event of any schema ever written, upcast to today's; null when this version does not know it. A
    /// stream with such an event is stopped, alone.
    /// </summary>
    public required Func<StoredEvent, TEvent?> Read { get; init; }

    /// <summary>
    /// How a state is stored in snapshots and sent between replicas. It must refuse members that it does not know
    /// (<see cref="JsonSerializerOptions.UnmappedMemberHandling"/>): a stream whose state a newer version wrote is stopped, alone.
    /// </summary>
    /// <exception cref="ArgumentException">It lets unknown members pass.</exception>
    public required JsonTypeInfo<TState> StateJson { get; init => field = StrictJson.Demand(value); }

    /// <summary>
    /// How a command is sent between replicas. It must refuse members that it does not know: the replica that sent such a command
    /// then decides it itself.
    /// </summary>
    /// <exception cref="ArgumentException">It lets unknown members pass.</exception>
    public required JsonTypeInfo<TCommand> CommandJson { get; init => field = StrictJson.Demand(value); }
}

/// <summary>An event as it is stored: its name, the schema's number, and its data (a JSON object).</summary>
public sealed record StoredEvent(string Name, int Schema, JsonElement Data);

/// <summary>What a decider answers: events to append (none: the effect is already there), or a refusal.</summary>
public readonly record struct Decision<TEvent>
{
    private Decision(IReadOnlyList<TEvent> events, string? refusal) => (Events, Refusal) = (events, refusal);

    /// <summary>The events to append, in order.</summary>
    public IReadOnlyList<TEvent> Events { get; }

    /// <summary>A stable code of why the command is refused, or null.</summary>
    public string? Refusal { get; }

    /// <summary>The command takes effect by these events; none when its effect is already there.</summary>
    public static Decision<TEvent> Accept(params IReadOnlyList<TEvent> events) => new(events, null);

    /// <summary>The state forbids the command.</summary>
    public static Decision<TEvent> Refuse(string code) => new([], code);
}
