using System.Buffers.Text;

namespace Benchmarks;

/// <summary>One HTTP/1.1 answer in a buffer, as much of it as the load generator looks at.</summary>
/// <param name="Status">The status.</param>
/// <param name="Length">Bytes of the whole answer, body included.</param>
/// <param name="Version">The number in its ETag; 0 without one.</param>
/// <param name="Position">Where in the buffer its <c>Account-Position</c> is; empty without one.</param>
internal readonly record struct HttpAnswer(int Status, int Length, long Version, Range Position)
{
    private const int StatusAt = 9;

    /// <summary>Reads an answer from the beginning of the buffer; false while some of it is still to come.</summary>
    /// <exception cref="InvalidDataException">This is no HTTP/1.1 answer.</exception>
    public static bool TryRead(ReadOnlySpan<byte> buffer, out HttpAnswer answer)
    {
        answer = default;
        var headers = buffer.IndexOf("\r\n\r\n"u8);
        if (headers < 0)
        {
            return false;
        }

        if (!buffer.StartsWith("HTTP/1.1 "u8) || !Utf8Parser.TryParse(buffer[StatusAt..headers], out int status, out _))
        {
            throw new InvalidDataException("The server does not speak HTTP/1.1.");
        }

        var (body, chunked, version, position) = (0, false, 0L, default(Range));
        for (var at = buffer.IndexOf("\r\n"u8) + 2; at < headers;)
        {
            var end = at + buffer[at..].IndexOf("\r\n"u8);
            var line = buffer[at..end];
            if (Is(line, "content-length: "u8))
            {
                body = Number(line["content-length: ".Length..]);
            }
            else if (Is(line, "transfer-encoding: chunked"u8))
            {
                chunked = true;
            }
            else if (Is(line, "etag: \""u8))
            {
                version = Number(line["etag: \"".Length..]);
            }
            else if (Is(line, "account-position: "u8))
            {
                position = (at + "account-position: ".Length)..end;
            }

            at = end + 2;
        }

        var start = headers + 4;
        if (!chunked)
        {
            answer = new HttpAnswer(status, start + body, version, position);
            return buffer.Length >= answer.Length;
        }

        if (ChunkedLength(buffer[start..]) is not { } length)
        {
            return false;
        }

        answer = new HttpAnswer(status, start + length, version, position);
        return true;
    }

    /// <summary>Bytes of a chunked body with its last, empty chunk; null while some are still to come.</summary>
    private static int? ChunkedLength(ReadOnlySpan<byte> body)
    {
        for (var at = 0; body[at..].IndexOf("\r\n"u8) is >= 0 and var line;)
        {
            var size = Number(body[at..(at + line)], 'x');
            at += line + 2 + size + 2;
            if (at > body.Length)
            {
                return null;
            }

            if (size == 0)
            {
                return at;
            }
        }

        return null;
    }

    private static int Number(ReadOnlySpan<byte> text, char format = 'D') => Utf8Parser.TryParse(text, out int number, out _, format) ? number : 0;

    private static bool Is(ReadOnlySpan<byte> line, ReadOnlySpan<byte> beginning) =>
        line.Length >= beginning.Length && System.Text.Ascii.EqualsIgnoreCase(line[..beginning.Length], beginning);
}
