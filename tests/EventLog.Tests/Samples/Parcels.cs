using System.Text.Json;
using System.Text.Json.Serialization;

namespace EventLog.Tests.Samples;

public sealed record Parcel(string To, int Grams, bool Delivered);

public sealed record ParcelCommand(string Do, string To = "", int Grams = 0);

public abstract record ParcelEvent
{
    public sealed record Sent(string To, int Grams) : ParcelEvent;

    public sealed record Delivered(long At) : ParcelEvent;
}

public static class Parcels
{
    public static Decider<Parcel, ParcelCommand, ParcelEvent> Decider { get; } = new()
    {
        Decide = (command, parcel, now) => (command.Do, parcel) switch
        {
            ("send", null) => Decision<ParcelEvent>.Accept(new ParcelEvent.Sent(command.To, command.Grams)),
            ("send", _) => Decision<ParcelEvent>.Refuse("sent-already"),
            (_, null) => Decision<ParcelEvent>.Refuse("not-found"),
            ("deliver", { Delivered: true }) => Decision<ParcelEvent>.Accept(),
            ("deliver", _) => Decision<ParcelEvent>.Accept(new ParcelEvent.Delivered(now.ToUnixTimeMilliseconds())),
            _ => Decision<ParcelEvent>.Refuse("unknown-command"),
        },
        Evolve = (parcel, happened) => happened switch
        {
            ParcelEvent.Sent sent => new Parcel(sent.To, sent.Grams, Delivered: false),
            _ => parcel! with { Delivered = true },
        },
        Write = happened => happened switch
        {
            ParcelEvent.Sent sent => new StoredEvent("PARCEL_SENT", 2, JsonSerializer.SerializeToElement(sent, ParcelEventJson.Default.Sent)),
            ParcelEvent.Delivered delivered => new StoredEvent("PARCEL_DELIVERED", 1, JsonSerializer.SerializeToElement(delivered, ParcelEventJson.Default.Delivered)),
            _ => throw new InvalidOperationException($"{happened} has no stored name."),
        },
        Read = stored => (stored.Name, stored.Schema) switch
        {
            // The first version knew no weight.
            ("PARCEL_SENT", 1) => new ParcelEvent.Sent(stored.Data.GetProperty("To").GetString()!, Grams: 0),
            ("PARCEL_SENT", 2) => stored.Data.Deserialize(ParcelEventJson.Default.Sent),
            ("PARCEL_DELIVERED", 1) => stored.Data.Deserialize(ParcelEventJson.Default.Delivered),
            _ => null,
        },
        StateJson = ParcelJson.Default.Parcel,
        CommandJson = ParcelJson.Default.ParcelCommand,
    };
}

[JsonSourceGenerationOptions(UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(Parcel))]
[JsonSerializable(typeof(ParcelCommand))]
internal sealed partial class ParcelJson : JsonSerializerContext;

[JsonSerializable(typeof(ParcelEvent.Sent))]
[JsonSerializable(typeof(ParcelEvent.Delivered))]
internal sealed partial class ParcelEventJson : JsonSerializerContext;
