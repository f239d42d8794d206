using System.Text.Json;
using System.Text.Json.Serialization;

namespace EventLog.Tests.Simulation;

/// <summary>The aggregate of the simulation: small, with refusals, no-effects and an order that matters.</summary>
public sealed record Tally(long Value, string Trail);

public sealed record TallyCommand(string Do, long By = 1);

public sealed record TallyEvent(string Name, long By, long At);

[JsonSourceGenerationOptions(UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(Tally))]
[JsonSerializable(typeof(TallyCommand))]
internal sealed partial class StrictTallyJson : JsonSerializerContext;

[JsonSerializable(typeof(TallyEvent))]
internal sealed partial class TallyEventJson : JsonSerializerContext;

public static class Tallies
{
    public static Decider<Tally, TallyCommand, TallyEvent> Decider { get; } = new()
    {
        Decide = (command, state, at) => (command.Do, state) switch
        {
            ("open", null) => Decision<TallyEvent>.Accept(new TallyEvent("OPENED", 0, at.ToUnixTimeMilliseconds())),
            ("open", _) => Decision<TallyEvent>.Refuse("open-already"),
            (_, null) => Decision<TallyEvent>.Refuse("not-open"),
            ("add", _) => Decision<TallyEvent>.Accept(new TallyEvent("ADDED", command.By, at.ToUnixTimeMilliseconds())),
            ("empty", { Value: 0 }) => Decision<TallyEvent>.Accept(),
            ("empty", { } s) => Decision<TallyEvent>.Accept(new TallyEvent("ADDED", -s.Value, at.ToUnixTimeMilliseconds())),
            ("twice", _) => Decision<TallyEvent>.Accept(
                new TallyEvent("ADDED", command.By, at.ToUnixTimeMilliseconds()), new TallyEvent("ADDED", command.By, at.ToUnixTimeMilliseconds())),
            ("strange", _) => Decision<TallyEvent>.Accept(new TallyEvent("STRANGE", 0, at.ToUnixTimeMilliseconds())),
            ("if-even", { } s) => s.Value % 2 == 0
                ? Decision<TallyEvent>.Accept(new TallyEvent("ADDED", command.By, at.ToUnixTimeMilliseconds()))
                : Decision<TallyEvent>.Refuse("odd"),
            _ => Decision<TallyEvent>.Refuse("unknown"),
        },
        Evolve = (state, e) => new Tally((state?.Value ?? 0) + e.By, Trail(state?.Trail, e)),
        Write = e => new StoredEvent(e.Name, 1, JsonSerializer.SerializeToElement(e, TallyEventJson.Default.TallyEvent)),
        Read = stored => stored.Name is "OPENED" or "ADDED" ? stored.Data.Deserialize(TallyEventJson.Default.TallyEvent) : null,
        StateJson = StrictTallyJson.Default.Tally,
        CommandJson = StrictTallyJson.Default.TallyCommand,
    };

    /// <summary>A digest of the events in their order, so that two histories never look alike.</summary>
    private static string Trail(string? before, TallyEvent e)
    {
        var hash = 1469598103934665603UL;
        foreach (var c in $"{before}|{e.Name}|{e.By}")
        {
            hash = (hash ^ c) * 1099511628211UL;
        }

        return hash.ToString("x", System.Globalization.CultureInfo.InvariantCulture);
    }
}
