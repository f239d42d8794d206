using System.Text.Json;

namespace EventLog;

/// <summary>
/// What a writer starts from: every stream of which something was recorded up to <see cref="Position"/> has a snapshot
/// that covers it.
/// </summary>
internal sealed record Head(long Position, string Digest, long Time, long Streams)
{
    public static readonly Head Beginning = new(0, "", 0, 0);

    public byte[] Write() => JsonSerializer.SerializeToUtf8Bytes(this, LogJson.Default.Head);

    public static Head Read(ReadOnlyMemory<byte> bytes) => JsonSerializer.Deserialize(bytes.Span, LogJson.Default.Head)!;
}
