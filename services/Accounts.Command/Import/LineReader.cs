using System.Buffers;
using System.IO.Pipelines;

namespace Accounts.Command.Import;

/// <summary>A line of the body.</summary>
/// <param name="Number">The how-manieth of the body, from 1, whatever the lines before it hold.</param>
/// <param name="Text">Its bytes, without its end; valid until the next line is read.</param>
/// <param name="IsTooLong">It had more bytes than may be, and is not given.</param>
internal readonly record struct Line(long Number, ReadOnlyMemory<byte> Text, bool IsTooLong);

/// <summary>
/// Reads lines that end with a line feed, or with a carriage return and one; the last may lack it. Empty ones are left out. No
/// more than one line is held in memory.
/// </summary>
internal sealed class LineReader(PipeReader body)
{
    /// <summary>Most bytes of a line.</summary>
    public const int MostBytes = 64 * 1024;

    private static readonly byte[] Bom = [0xEF, 0xBB, 0xBF];

    private byte[] _text = new byte[1024];
    private long _number;

    /// <summary>The next line that is not empty; null at the end of the body.</summary>
    public async ValueTask<Line?> NextAsync(CancellationToken cancellation)
    {
        var isTooLong = false;
        while (true)
        {
            var read = await body.ReadAsync(cancellation);
            var buffer = read.Buffer;
            if (buffer.PositionOf((byte)'\n') is { } end)
            {
                var line = Take(buffer.Slice(0, end), isTooLong);
                body.AdvanceTo(buffer.GetPosition(1, end));
                isTooLong = false;
                if (line is not null)
                {
                    return line;
                }
            }
            else if (read.IsCompleted)
            {
                var line = buffer.IsEmpty && !isTooLong ? null : Take(buffer, isTooLong);
                body.AdvanceTo(buffer.End);
                return line;
            }
            else if (buffer.Length > MostBytes + 1)
            {
                // What of it is read is let go of, up to its end.
                isTooLong = true;
                body.AdvanceTo(buffer.End);
            }
            else
            {
                body.AdvanceTo(buffer.Start, buffer.End);
            }
        }
    }

    private Line? Take(ReadOnlySequence<byte> bytes, bool isTooLong)
    {
        _number++;
        if (isTooLong || bytes.Length > MostBytes + 1)
        {
            return new Line(_number, default, true);
        }

        var length = (int)bytes.Length;
        if (_text.Length < length)
        {
            _text = new byte[Math.Max(length, 2 * _text.Length)];
        }

        bytes.CopyTo(_text);
        var text = _text.AsMemory(0, length);
        text = length > 0 && text.Span[^1] == '\r' ? text[..^1] : text;
        text = _number == 1 && text.Span.StartsWith(Bom) ? text[Bom.Length..] : text;
        return text.Length > MostBytes ? new Line(_number, default, true)
            : text.Span.IndexOfAnyExcept((byte)' ', (byte)'\t') < 0 ? null
            : new Line(_number, text, false);
    }
}
