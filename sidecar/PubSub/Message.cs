namespace Sidecar.PubSub;

/// <summary>What lies in the broker: bytes (a CloudEvent unless published raw) and the metadata of the publish call.</summary>
internal sealed record Message(ReadOnlyMemory<byte> Data, IReadOnlyDictionary<string, string> Metadata)
{
    /// <summary>Metadata of a message that was published without any.</summary>
    public static readonly IReadOnlyDictionary<string, string> NoMetadata = new Dictionary<string, string>();

    /// <summary>What the message counts against the backlog of a subscriber.</summary>
    public int Size => Data.Length + 512;
}
