using System.Text.Json;
using Sidecar.Configuration;
using Sidecar.Server;

namespace Sidecar.Actors;

/// <summary>What an app says of one of its actor types (<c>GET /dapr/config</c>).</summary>
/// <param name="IdleTimeout">So long after the start of its last call an actor is deactivated.</param>
/// <param name="Drain">So long a call may go on when its actor moves; zero when moved actors are not drained.</param>
/// <param name="Reentrant">Whether a call that comes back to an actor in its own turn is let in.</param>
/// <param name="MaxStackDepth">How deep such calls may go.</param>
internal sealed record ActorConfig(TimeSpan IdleTimeout, TimeSpan Drain, bool Reentrant, int MaxStackDepth)
{
    private static readonly ActorConfig Default = new(TimeSpan.FromHours(1), TimeSpan.FromSeconds(2), false, 32);

    /// <summary>Reads the app's answer: the types that it hosts. Nothing readable means no types.</summary>
    public static IReadOnlyDictionary<string, ActorConfig> Read(byte[] answer)
    {
        var types = new Dictionary<string, ActorConfig>(StringComparer.Ordinal);
        if (answer.Length == 0)
        {
            return types;
        }

        try
        {
            using var document = JsonDocument.Parse(answer);
            var root = document.RootElement;
            var common = Of(root);
            foreach (var type in Names(root))
            {
                types[type] = common;
            }

            // An entry of its own replaces the common settings as a whole.
            foreach (var entry in root.Member("entitiesConfig") is { ValueKind: JsonValueKind.Array } own ? own.EnumerateArray() : default)
            {
                foreach (var type in Names(entry).Where(types.ContainsKey))
                {
                    types[type] = Of(entry);
                }
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            types.Clear();
        }

        return types;
    }

    private static ActorConfig Of(JsonElement value)
    {
        var reentrancy = value.Member("reentrancy") ?? default;
        var drains = value.Member("drainRebalancedActors") is not { ValueKind: JsonValueKind.False };
        return new ActorConfig(
            Duration(value, "actorIdleTimeout") is { } idle && idle > TimeSpan.Zero ? idle : Default.IdleTimeout,
            drains ? Duration(value, "drainOngoingCallTimeout") ?? Default.Drain : TimeSpan.Zero,
            reentrancy.Member("enabled") is { ValueKind: JsonValueKind.True },
            reentrancy.Member("maxStackDepth") is { ValueKind: JsonValueKind.Number } depth ? depth.GetInt32() : Default.MaxStackDepth);
    }

    private static IEnumerable<string> Names(JsonElement value) =>
        value.Member("entities") is { ValueKind: JsonValueKind.Array } names
            ? names.EnumerateArray().Select(n => n.GetString() ?? "").Where(n => n.Length > 0)
            : [];

    private static TimeSpan? Duration(JsonElement value, string name) =>
        value.Member(name) is { ValueKind: JsonValueKind.String } text ? GoDuration.Parse(text.GetString()!) : null;
}
