using System.Buffers;
using System.Text.Json;

namespace Sidecar.Faults;

/// <summary>The list of faults as JSON, in both directions.</summary>
internal static class FaultList
{
    private const long LongestDelay = 3_600_000;

    /// <summary>Reads a list; null when anything is wrong with it.</summary>
    /// <param name="json">For instance <c>[{"on":"state:event-log","do":"delay","ms":20,"rate":0.5}]</c>.</param>
    /// <param name="scene">What there is, for entries that name something else.</param>
    /// <param name="problems">Gets a line for everything that is wrong: where, what, remedy.</param>
    public static IReadOnlyList<Fault>? Read(ReadOnlyMemory<byte> json, FaultScene scene, ICollection<string> problems)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            if (document.RootElement.ValueKind != JsonValueKind.Array)
            {
                problems.Add("the body is no list. Send [] or a list of entries such as {\"on\":\"actors\",\"do\":\"block\"}.");
                return null;
            }

            var faults = document.RootElement.EnumerateArray().Select((e, i) => Read(e, $"entry {i + 1}", scene, problems)).ToList();
            return problems.Count == 0 ? [.. faults.Select(f => f!)] : null;
        }
        catch (JsonException e)
        {
            problems.Add($"the body is no JSON: {e.Message}");
            return null;
        }
    }

    /// <summary>The list as it is read.</summary>
    public static byte[] Write(IEnumerable<Fault> faults)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartArray();
            foreach (var fault in faults)
            {
                json.WriteStartObject();
                json.WriteString("on", fault.On);
                json.WriteString("do", fault.KindName);
                if (fault.Do == FaultKind.Delay)
                {
                    json.WriteNumber("ms", fault.Delay.TotalMilliseconds);
                }

                json.WriteNumber("rate", fault.Rate);
                if (fault.App is not null)
                {
                    json.WriteString("app", fault.App);
                }

                json.WriteEndObject();
            }

            json.WriteEndArray();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static Fault? Read(JsonElement entry, string place, FaultScene scene, ICollection<string> problems)
    {
        if (entry.ValueKind != JsonValueKind.Object)
        {
            problems.Add($"{place}: is no object. Write for instance {{\"on\":\"actors\",\"do\":\"block\"}}.");
            return null;
        }

        var before = problems.Count;
        foreach (var unknown in entry.EnumerateObject().Select(m => m.Name).Where(name => name is not ("on" or "do" or "ms" or "rate" or "app")))
        {
            problems.Add($"{place}: '{unknown}' is not known. An entry has on, do, ms, rate and app.");
        }

        var on = OneOf(entry, "on", scene.Places, place, problems);
        var name = OneOf(entry, "do", Fault.Kinds.Keys, place, problems);
        var kind = Fault.Kinds.GetValueOrDefault(name ?? "");
        var delay = Number(entry, "ms", ms => ms is >= 1 and <= LongestDelay && ms == Math.Floor(ms), $"a whole number of milliseconds from 1 to {LongestDelay}", place, problems);
        if (name is not null && entry.TryGetProperty("ms", out _) != (kind == FaultKind.Delay))
        {
            problems.Add(kind == FaultKind.Delay ? $"{place}: 'ms' is missing. 'delay' needs to know how long." : $"{place}: 'ms' means nothing for '{name}'. Leave it out.");
        }

        var rate = Number(entry, "rate", r => r is >= 0 and <= 1, "a number from 0 to 1", place, problems);
        var app = entry.TryGetProperty("app", out _) ? OneOf(entry, "app", scene.Apps, place, problems) : null;
        return problems.Count == before ? new Fault(on!, kind, TimeSpan.FromMilliseconds(delay ?? 0), rate ?? 1, app) : null;
    }

    private static string? OneOf(JsonElement entry, string member, IEnumerable<string> known, string place, ICollection<string> problems)
    {
        var value = entry.TryGetProperty(member, out var found) ? found : default;
        var text = value.ValueKind == JsonValueKind.String ? value.GetString()! : null;
        if (text is not null && known.Contains(text))
        {
            return text;
        }

        var what = value.ValueKind == JsonValueKind.Undefined ? "is missing" : text is null ? $"is {value.GetRawText()}, and no text" : $"is '{text}', which is not known";
        problems.Add($"{place}: '{member}' {what}. It can be {string.Join(", ", known.Order(StringComparer.Ordinal))}.");
        return null;
    }

    private static double? Number(JsonElement entry, string member, Func<double, bool> fits, string what, string place, ICollection<string> problems)
    {
        if (!entry.TryGetProperty(member, out var value))
        {
            return null;
        }

        if (value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && fits(number))
        {
            return number;
        }

        problems.Add($"{place}: '{member}' is {value.GetRawText()}. It must be {what}.");
        return null;
    }
}

/// <summary>What faults can be about: the places of this run, and its apps.</summary>
internal sealed record FaultScene(IReadOnlyCollection<string> Places, IReadOnlyCollection<string> Apps)
{
    /// <summary>The scene of these apps with these components.</summary>
    public static FaultScene Of(IEnumerable<string> apps, IEnumerable<Configuration.Component> components) => new(
        [.. components.Select(Place).OfType<string>().Append(Fault.Actors).Append(Fault.Invoke).Distinct()],
        [.. apps.Distinct()]);

    private static string? Place(Configuration.Component component) => component.Type.Split('.')[0] switch
    {
        "state" => Fault.State(component.Name),
        "pubsub" => Fault.PubSub(component.Name),
        _ => null,
    };
}
