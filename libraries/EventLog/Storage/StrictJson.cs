using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace EventLog;

/// <summary>
/// Reads states and commands that a newer version may have written. What this version does not know wholly it does not read at
/// all: it would lose the rest when it writes it again.
/// </summary>
internal static class StrictJson
{
    /// <exception cref="ArgumentException">The type lets members pass that it does not know.</exception>
    public static JsonTypeInfo<T> Demand<T>(JsonTypeInfo<T> type) =>
        (type.UnmappedMemberHandling ?? type.Options.UnmappedMemberHandling) is JsonUnmappedMemberHandling.Disallow
            ? type
            : throw new ArgumentException(
                $"The JSON of {typeof(T).Name} must refuse members that it does not know: an older version of the service would lose what a newer one "
                + $"has stored. Set {nameof(JsonSerializerOptions.UnmappedMemberHandling)} to {nameof(JsonUnmappedMemberHandling.Disallow)}.");

    /// <summary>False: a newer version wrote it. Nothing there is read as null.</summary>
    public static bool TryRead<T>(JsonElement? json, JsonTypeInfo<T> type, out T? value)
        where T : class
    {
        try
        {
            value = json?.Deserialize(type);
            return true;
        }
        catch (Exception newer) when (newer is JsonException or NotSupportedException)
        {
            value = null;
            return false;
        }
    }
}
