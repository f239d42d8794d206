using System.Text;

namespace Benchmarks.Tests;

public class HttpAnswerTests
{
    private const string WithLength = "HTTP/1.1 201 Created\r\nContent-Length: 5\r\nETag: \"12\"\r\nAccount-Position: 7:118\r\n\r\nhello";
    private const string InChunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n";
    private const string WithoutBody = "HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n";

    [Fact]
    public void Status_version_and_position_are_read()
    {
        Assert.True(HttpAnswer.TryRead(Encoding.ASCII.GetBytes(WithLength), out var answer));

        Assert.Equal((201, 12L, "7:118"), (answer.Status, answer.Version, WithLength[answer.Position]));
    }

    [Theory]
    [InlineData(WithLength)]
    [InlineData(InChunks)]
    [InlineData(WithoutBody)]
    public void An_answer_is_whole_with_its_last_byte_and_not_before(string text)
    {
        var bytes = Encoding.ASCII.GetBytes(text);
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.False(HttpAnswer.TryRead(bytes.AsSpan(0, length), out _), $"{length} of {bytes.Length} bytes");
        }

        Assert.True(HttpAnswer.TryRead(bytes, out var answer));
        Assert.Equal(bytes.Length, answer.Length);
    }

    [Fact]
    public void What_comes_after_an_answer_is_not_counted_to_it()
    {
        Assert.True(HttpAnswer.TryRead(Encoding.ASCII.GetBytes(InChunks + WithLength), out var answer));

        Assert.Equal(InChunks.Length, answer.Length);
    }

    [Fact]
    public void Another_protocol_is_no_answer() =>
        Assert.Throws<InvalidDataException>(() => HttpAnswer.TryRead("SSH-2.0-x\r\n\r\n"u8, out _));
}
